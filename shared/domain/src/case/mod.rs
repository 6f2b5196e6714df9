//! The case (办件): what its entries say, how they make its state, and what may be done with it next.
//!
//! | module | holds |
//! | --- | --- |
//! | [`body`] | what an entry says in the clear; [`Private`]: what it says under seal |
//! | [`codec`] | between these types and body.proto |
//! | `state`, `facts` | [`Case`]: the state as a function of the set of entries |
//! | `chain`, `summary`, `snapshot` | which steps count, what they amount to, and how the store keeps them |
//! | [`command`], [`action`] | what people ask for, and the names of it |
//! | [`submit()`], [`decide()`] | what becomes of it: an entry to be written, or a [`Refusal`] |
//! | `handling`, `turn`, `route` | whose turn it is, and where the case goes next |
//! | `beside` | what is said beside the route, in the order in which it was said |
//! | [`fee`] | notices of payment, the fee window, refunds |
//! | [`who_may`] | who may accept, review and decide an item |
//! | `round`, `copy` | stages that run in parallel, and what consulted departments answer |
//! | `acceptance`, `correction`, `stage`, `publicity`, `decision`, `delivery`, `aside` … | the rules of single actions |
//! | [`variant`], [`duties`], [`Mark`], [`document`] | easier procedures, what is left to be made up, what goes first, numbers of papers |
//! | [`may_see`] | who may see what |
//! | `extend`, `reclaim`, `superseded` | extension of limits; holders beside the route; steps that don't count |
//! | [`due`] | what the law or the item makes of silence: steps that stations write by themselves |
//! | [`clock`] | limits, pauses, deadlines, and the ledger of where the time went |
//! | [`words`] | Chinese titles for screens |
//!
//! `decide` and `apply` meet only in the entry: a step says in full who holds the case after it and in which stage,
//! so applying needs no catalogue, and a station with an older catalogue comes to the same state.

mod acceptance;
pub mod action;
mod aside;
mod at_once;
pub(crate) mod beside;
pub mod body;
mod chain;
pub mod clock;
pub mod codec;
pub mod command;
mod context;
mod copy;
mod correction;
mod decide;
mod decision;
mod delivery;
pub mod document;
pub mod due;
mod duty;
mod extend;
mod facts;
pub mod fee;
mod handling;
pub(crate) mod input;
mod kinds;
mod mark;
pub(crate) mod numbered;
mod outside;
mod powers;
mod preliminary;
mod private;
mod publicity;
mod reclaim;
mod refusal;
mod review;
mod round;
mod route;
mod side;
mod sight;
mod snapshot;
mod stage;
mod state;
mod submit;
mod summary;
mod superseded;
mod supervised;
mod transfer;
mod turn;
pub mod variant;
mod visit;
pub mod words;

pub use action::Action;
pub use aside::rate_as_applicant;
pub use body::{
    ActorFacts, Body, Channel, DeliveryMethod, Extended, Fault, FaultKind, FollowUp, Mandate, Mark, MaterialProvided,
    Opinion, ReturnReason, Side, SideEvent, Step, StepEvent, Submitted, TimeNoted, Tolerated, Visit,
};
pub use chain::Rejection;
pub use clock::{CaseClock, Cause, ClockSpan, Counting, case_clock, clock_ledger};
pub use command::{
    ApplicantInput, Command, Draft, ExtensionInput, FaultInput, MaterialInput, StoredAttachment, Submission,
    ToleratedInput,
};
pub use context::{Context, Reference};
pub use copy::{Consulted, consulted};
pub use decide::{available, decide, duty_at, is_todo, my_stages, responsible, responsibles, transfer_targets};
pub use document::{CaseDocument, DocumentIssued, DocumentKind};
pub use duty::{OpenDuty, duties};
pub use facts::{CaseEntry, Facts, RejectedEntry, SideFacts, StepFacts};
pub use mark::Marked;
pub use outside::{Outside, chased_by};
pub use powers::who_may;
pub use preliminary::Preliminary;
pub use private::{Applicant, AttachmentName, Private};
pub use refusal::{FieldFault, Refusal, RefusalClass, RefusalCode};
pub use review::{Review, review_until};
pub use route::Duty;
pub use sight::{Sight, may_see};
pub use state::Case;
pub use submit::{may_open, offers, submit};
pub use summary::{CaseState, Correction, Decision, Delivered, Outcome, PublicityRun, Suspension};
pub use superseded::{superseded, unchecked};
