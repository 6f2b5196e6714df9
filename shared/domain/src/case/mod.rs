//! The case (办件): what its entries say, how they make its state, and what may be done with it next.
//!
//! | module | holds |
//! | --- | --- |
//! | [`body`] | what an entry says in the clear; [`Private`]: what it says under seal |
//! | [`codec`] | between these types and body.proto |
//! | `state`, `facts` | [`Case`]: the state as a function of the set of entries |
//! | `chain`, `summary`, `snapshot` | which steps count, what they amount to, and how the store keeps them |
//! | [`command`] | what people ask for |
//! | [`submit()`], [`decide()`] | what becomes of it: an entry to be written, or a [`Refusal`] |
//! | `handling`, `turn`, `route` | whose turn it is, and where the case goes next |
//! | `acceptance`, `correction`, `stage`, `publicity`, `decision`, `delivery`, `aside`, `supervised` | the rules of single actions |
//! | [`may_see`] | who may see what |
//! | `extend`, `reclaim`, `superseded` | extension of limits; holders beside the route; steps that don't count |
//! | [`due`] | what the law or the item makes of silence: steps that stations write by themselves |
//! | [`clock`] | limits, pauses, deadlines, and the ledger of where the time went |
//! | [`words`] | Chinese titles for screens |
//!
//! `decide` and `apply` meet only in the entry: a step says in full who holds the case after it and in which stage,
//! so applying needs no catalogue, and a station with an older catalogue comes to the same state.

mod acceptance;
mod aside;
pub mod body;
mod chain;
pub mod clock;
pub mod codec;
pub mod command;
mod context;
mod correction;
mod decide;
mod decision;
mod delivery;
pub mod due;
mod extend;
mod facts;
mod handling;
mod input;
mod numbered;
mod private;
mod publicity;
mod reclaim;
mod refusal;
mod route;
mod sight;
mod snapshot;
mod stage;
mod state;
mod submit;
mod summary;
mod superseded;
mod supervised;
mod turn;
pub mod words;

pub use body::{
    ActorFacts, Body, Channel, DeliveryMethod, Extended, Fault, FaultKind, Mandate, MaterialProvided, Opinion,
    ReturnReason, Side, SideEvent, Step, StepEvent, Submitted, TimeNoted,
};
pub use chain::Rejection;
pub use clock::{CaseClock, Cause, ClockSpan, Counting, case_clock, clock_ledger};
pub use command::{
    Action, ApplicantInput, Command, Draft, ExtensionInput, FaultInput, MaterialInput, StoredAttachment, Submission,
};
pub use context::{Context, Reference};
pub use decide::{available, decide, duty_at, is_todo, responsible};
pub use facts::{CaseEntry, RejectedEntry, SideFacts, StepFacts};
pub use private::{Applicant, AttachmentName, Private};
pub use refusal::{FieldFault, Refusal, RefusalClass, RefusalCode};
pub use route::Duty;
pub use sight::{Sight, may_see};
pub use state::Case;
pub use submit::{may_open, submit};
pub use summary::{CaseState, Correction, Decision, Delivered, Outcome, PublicityRun, Suspension};
pub use superseded::{superseded, unchecked};
