//! Matters (事务): what has a life of its own beside cases. Complaints (投诉), questions (咨询), rectifications
//! (督办整改), surveys (调查) and sealed letters (密封件), in which a complaint travels up past those that it may be about.
//!
//! | module | holds |
//! | --- | --- |
//! | [`body`] | what an entry says in the clear; [`MatterPrivate`]: what it says under seal |
//! | [`codec`] | between these types and matter.proto |
//! | `state` | [`Matter`]: the state as a function of the set of entries |
//! | `turn` | who may do what next: [`available`], [`is_todo`] |
//! | `decide` | what becomes of a command: an entry to be written, or a refusal |
//! | `complaint`, `question`, `rectification`, `survey`, `aside` | the rules of single commands |
//! | `sight` | who may see what: [`may_see`] |
//! | [`clock`] | limits and deadlines |
//! | [`follow_up`] | bad ratings of cases and what was done about them |
//! | [`notice`] | 公告 and 通报 |
//! | [`assessment`] | scores, grades and the quota for the best of them |
//!
//! A matter has a holder and a chain of steps as a case has, but no route: what may come next follows from its kind.
//! Who holds its entries follows from its home alone. A complaint's home is always the district, so no station below
//! can read it; one that is taken down in a village travels in a letter that only the district can open.

mod aside;
pub mod assessment;
pub mod body;
pub mod clock;
pub mod codec;
mod command;
mod complaint;
mod context;
mod decide;
pub mod follow_up;
pub mod notice;
mod private;
mod question;
mod rectification;
mod sight;
mod state;
mod survey;
mod turn;
pub mod words;

pub use body::{
    Against, ComplaintRegistered, Finding, MatterBody, MatterEvent, MatterKind, MatterSide, MatterSideEvent,
    MatterStep, QuestionAsked, RectificationIssued, Source, SurveyGroup, SurveyOpened, Way,
};
pub use command::{
    ComplaintInput, MatterAction, MatterCommand, MatterDraft, Origin, QuestionInput, RectificationInput, SurveyInput,
};
pub use complaint::{check_complaint, register_complaint, send_letter};
pub use context::{MatterContext, may_open};
pub use decide::decide;
pub use private::MatterPrivate;
pub use question::ask;
pub use rectification::issue;
pub use sight::{MatterSight, may_see};
pub use state::{Matter, MatterEntry, MatterSideFacts, MatterState, MatterStepFacts};
pub use survey::{SurveyResult, answer as answer_survey, open as open_survey, results};
pub use turn::{available, is_todo};
