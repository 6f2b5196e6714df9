//! The closed lists that entries choose from: each word with its number in body.proto.

use super::numbered::numbered;

numbered! {
    /// Why a case is put first.
    pub enum Mark {
        /// Can't wait.
        Urgent = 1 "紧急件",
        /// An important project.
        Priority = 2 "重点项目件",
    }
}

numbered! {
    /// Where an application was handed in.
    pub enum Channel {
        /// At a village station.
        Village = 1 "村站",
        /// At a township centre.
        Township = 2 "乡镇窗口",
        /// At the district hall.
        District = 3 "区窗口",
        /// By the applicant.
        Online = 4 "网上",
    }
}

numbered! {
    /// What is wrong with a material.
    pub enum FaultKind {
        /// It is not there.
        Missing = 1 "缺少",
        /// It is no longer valid.
        Expired = 2 "过期",
        /// It can't be read.
        Unclear = 3 "不清",
        /// Signature or seal is missing.
        Unsigned = 4 "未签章",
        /// It contradicts another.
        Inconsistent = 5 "前后不一",
    }
}

numbered! {
    /// What the actor of a stage found.
    pub enum Opinion {
        /// In favour.
        Agree = 1 "同意",
        /// Against; the deciding stage decides.
        Disagree = 2 "不同意",
        /// In favour, and a higher authority must decide.
        ReferUp = 3 "同意，但需报上级批准",
        /// The stage only hands on.
        NoOpinion = 4 "无需意见",
        /// Nobody answered in time: written by the station itself, only where the item's stage allows it.
        Tacit = 5 "逾期视为同意",
    }
}

numbered! {
    /// Why a case is returned without a decision.
    pub enum ReturnReason {
        /// Another level is competent.
        NotCompetent = 1 "不属于本级职权",
        /// A condition is plainly not met.
        ConditionsNotMet = 2 "不符合规定条件",
        /// The applicant did not answer in time.
        CorrectionOverdue = 3 "逾期未补正",
        /// The same is already being handled.
        Duplicate = 4 "重复申请",
    }
}

numbered! {
    /// What was done about a bad rating.
    pub enum FollowUp {
        /// The person was reached and has said why.
        Contacted = 1 "已联系",
        /// The person was not reached.
        NotReached = 2 "未联系上",
        /// It was put right.
        Rectified = 3 "已整改",
        /// It was looked into and there was nothing to put right.
        Unfounded = 4 "核实后不属实",
    }
}

numbered! {
    /// How something was delivered.
    pub enum DeliveryMethod {
        /// Handed over.
        InPerson = 1 "直接送达",
        /// Handed to the agent who holds a mandate.
        Agent = 2 "委托送达（代办员）",
        /// By post.
        Post = 3 "邮寄送达",
        /// Electronically.
        Electronic = 4 "电子送达",
        /// Left with the person who refused it.
        Left = 5 "留置送达",
        /// By public announcement.
        Announced = 6 "公告送达",
    }
}
