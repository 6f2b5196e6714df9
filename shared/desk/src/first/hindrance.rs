//! Why an enrolment came to nothing: one sentence a reason, which says what to do.

use sanji_log::StationCode;
use sanji_station::clock::now_ms;

use crate::words;

/// Why a station could not be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// What was typed is no station's code.
    NoStation,
    /// The code is a district's.
    District,
    /// The data folder has the backup of this station, and another was named.
    BackupOf(StationCode),
    /// What was typed is no "host:port".
    NoAddress,
    /// What was typed is no one-time code; it has so many characters.
    NoCode {
        /// Without blanks and dashes.
        characters: usize,
    },
    /// Nobody answers at the hub's address.
    Unreachable,
    /// Who answers there is no hub's enrolment.
    NoHub,
    /// Who answers is not of the district that the one-time code is of.
    WrongAuthority,
    /// The invitation is not of the district that the one-time code is of.
    WrongInvitation,
    /// The station that was named is not in the district of the code.
    OtherDistrict,
    /// By this machine's clock the hub's certificate is not valid.
    Clock,
    /// The connection broke off, or the answer did not come in time.
    BrokeOff,
    /// The code is wrong, used, expired or for another station: the hub doesn't say which.
    Denied,
    /// Too many attempts.
    TooManyAttempts {
        /// How long to wait, in seconds.
        retry_after_s: u64,
    },
    /// The hub can't enrol anybody now.
    HubUnavailable,
    /// The hub and this station don't understand each other.
    NotUnderstood,
    /// No invitation was chosen, or the file is none.
    NoInvitation,
    /// No answer was chosen.
    NoFile,
    /// Nothing was asked that could be answered.
    NotAsked,
    /// The file is no answer of the hub to a request.
    NoAnswer,
    /// The answer is for this other station.
    AnswerFor(StationCode),
    /// The answer is to an earlier request of this station.
    AnswerToEarlier,
    /// The answer is damaged.
    Damaged,
    /// A later release wrote the answer.
    Later,
    /// The browser broke off while it sent the file.
    Upload,
    /// The data folder can't be used.
    Folder,
}

impl Hindrance {
    /// What happened and what to do.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::NoStation => "机构代码应为12位数字，例如990106101203。请按区中心发来的内容重新填写。".to_owned(),
            Self::District => {
                "您填写的是区中心的代码。本页只用于乡镇（街道）和村（社区）站点，请填写本站自己的机构代码。".to_owned()
            }
            Self::BackupOf(station) => format!(
                "本机已恢复了站点{station}的备份，只能注册为这个站点。请把机构代码改为{station}；要注册成别的站点的，请联系管理员。"
            ),
            Self::NoAddress => {
                "区中心地址应写成“主机:端口”，例如10.6.1.2:7101，前后不加别的内容。请按区中心发来的内容重新填写。"
                    .to_owned()
            }
            Self::NoCode { characters: 0 } => "请输入区中心发来的一次性注册码。".to_owned(),
            Self::NoCode { characters: 28 } => {
                "注册码输错了：可能错了一位，或者两位颠倒了。请对照区中心发来的注册码逐位核对，重新输入。".to_owned()
            }
            Self::NoCode { characters } => {
                format!("注册码应为28位字母和数字，您输入了{characters}位。请对照区中心发来的注册码重新输入。")
            }
            Self::Unreachable => "连不上区中心。请检查：网线或无线网络是否接好；地址和端口是否与区中心发来的一致。\
                 都没有问题的，请打电话问区中心的服务器是否开着。本站没有网络的，请用下面的“用U盘注册”。"
                .to_owned(),
            Self::NoHub => {
                "这个地址有应答，但不是区中心的注册服务，多半是端口填错了。请核对区中心地址，冒号后面的端口号也要一致。"
                    .to_owned()
            }
            Self::WrongAuthority => {
                "区中心的身份与注册码对不上，为保障安全，注册码没有发出去。请核对区中心地址和端口，\
                 看是不是和注册码一起发来的；都没有问题的，请立即打电话告知区中心。"
                    .to_owned()
            }
            Self::WrongInvitation => "邀请文件和注册码不是一起发来的，对不上。请选择与这个注册码一起发来的邀请文件；\
                 没有的，请区中心重新发一次。"
                .to_owned(),
            Self::OtherDistrict => "机构代码不属于发出注册码的这个区。请核对机构代码的前6位。".to_owned(),
            Self::Clock => format!(
                "本机的日期或时间可能不对，现在是{}。请先把电脑的日期和时间调准，再注册。时间没有错的，请联系区中心管理员。",
                words::time(&now_ms())
            ),
            Self::BrokeOff => {
                "与区中心的连接中途断了，注册没有完成。请稍后用同一个注册码再注册一次，不会重复注册。".to_owned()
            }
            Self::Denied => "区中心没有接受这个注册码：可能不是发给这个机构代码的，也可能已经用过或者过期。\
                 请核对机构代码和注册码；都没有问题的，请区中心重新发一个注册码。"
                .to_owned(),
            Self::TooManyAttempts { retry_after_s } => {
                format!("尝试次数过多，区中心暂时不再接受。请{}分钟后再试。", retry_after_s.div_ceil(60).max(1))
            }
            Self::HubUnavailable => {
                "区中心暂时不能办理注册。请过几分钟再试；一直这样的，请打电话告知区中心。".to_owned()
            }
            Self::NotUnderstood => {
                "本站与区中心的软件互相不能识别，多半是版本不同。请联系区中心管理员核对软件版本。".to_owned()
            }
            Self::NoInvitation => {
                "请选择区中心发注册码时一起给的邀请文件。选的已经是邀请文件的，文件可能损坏了，请重新拷贝。".to_owned()
            }
            Self::NoFile => "请先选择区中心给的答复文件。".to_owned(),
            Self::NotAsked => "本机还没有制作过请求文件，没有可以答复的。请先做第一步。".to_owned(),
            Self::NoAnswer => "这个文件不是区中心对本站请求的答复，没有采用。请选择区中心给的答复文件。".to_owned(),
            Self::AnswerFor(station) => {
                format!("这个答复文件是给站点{station}的，不是给本站的。请选择给本站的答复文件。")
            }
            Self::AnswerToEarlier => "这个文件答复的是本站以前的请求，已经不能用了。请选择最近一次的答复文件；\
                 没有的，请把本页的请求文件重新带到区中心。"
                .to_owned(),
            Self::Damaged => {
                "答复文件已损坏，或者没有拷全，没有采用。请从U盘重新选择；再次出现的，请区中心重新拷贝一份。".to_owned()
            }
            Self::Later => "答复文件是由更新版本的软件制作的。请先更新本站的软件，再打开这个文件。".to_owned(),
            Self::Upload => "文件没有完整读完。请不要拔出U盘，重新选择文件再试一次。".to_owned(),
            Self::Folder => "本机的数据文件夹不能使用，可能是磁盘满了或者没有权限。请联系管理员处理后再试。".to_owned(),
        }
    }

    /// The field that is to be corrected; empty where it is none, or not known which.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::NoStation | Self::District | Self::BackupOf(_) | Self::OtherDistrict => "station",
            Self::NoAddress | Self::Unreachable | Self::NoHub => "hub",
            Self::NoCode { .. } | Self::Denied => "code",
            Self::NoInvitation | Self::WrongInvitation => "invitation",
            Self::NoFile
            | Self::NoAnswer
            | Self::AnswerFor(_)
            | Self::AnswerToEarlier
            | Self::Damaged
            | Self::Later
            | Self::Upload => "answer",
            _ => "",
        }
    }
}
