//! Why a bundle can't be written or read, in the words of a service hall: what happened, and what to do now.

use sanji_link::Flaw;
use sanji_log::StationCode;

use super::Error;

impl Error {
    /// One or two Chinese sentences for the person at the desk. `name` gives a station's name.
    #[must_use]
    pub fn sentence(&self, name: impl Fn(StationCode) -> String) -> String {
        match self {
            Self::UnknownStation(station) => {
                format!("{}还没有可用的密钥，不能为它制作离线包。请联系区政务服务中心管理员。", name(*station))
            }
            Self::Aside { sender, .. } => revoked(&name(*sender)),
            Self::Bundle(fault) => of_link(fault, name),
        }
    }
}

fn revoked(sender: &str) -> String {
    format!(
        "这个离线包来自{sender}，该站点的密钥已被注销，内容没有导入，文件已单独保存。请联系区政务服务中心管理员处理。"
    )
}

fn of_link(fault: &sanji_link::Error, name: impl Fn(StationCode) -> String) -> String {
    use sanji_link::Error as Link;
    match fault {
        Link::BundleForAnother { receiver } => {
            format!("这个离线包是给{}的，不是给本站的。请送到该站点导入。", name(*receiver))
        }
        Link::BundleRevoked { sender } => revoked(&name(*sender)),
        Link::Certificate { .. } => "这个离线包不是本区站点制作的，不能导入。".to_owned(),
        Link::Bundle { flaw, .. } => match flaw {
            Flaw::NoBundle => "这个文件不是离线包，或者开头已损坏。请核对所选文件，必要时请对方重新导出。",
            Flaw::Damaged => "离线包已损坏或不完整，损坏处之前的内容已导入。请重新拷贝整个文件后再导入一次。",
            Flaw::Later => "这个离线包由更新版本的软件制作。请先更新本站软件，再导入。",
            Flaw::OtherKey => "这个离线包是为本站更换设备以前的密钥制作的，不能打开。请对方重新导出。",
            Flaw::Other => "离线包的内容与签名不符，不能导入。请对方重新导出；再次出现请联系管理员。",
        }
        .to_owned(),
        Link::Host { .. } | Link::Io { .. } => "本站暂时不能读写这个离线包，请检查U盘和磁盘空间后重试。".to_owned(),
        _ => "离线包没有处理完。请重试；再次出现请联系管理员。".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_reason_says_what_to_do() {
        let township: StationCode = "990106101000".parse().unwrap();
        let told = |fault| Error::Bundle(fault).sentence(|code| format!("站点{code}"));
        let flawed = |flaw| sanji_link::Error::Bundle { flaw, problem: "is so".to_owned() };
        for (sentence, words) in [
            (told(sanji_link::Error::BundleForAnother { receiver: township }), "是给站点990106101000的"),
            (told(sanji_link::Error::BundleRevoked { sender: township }), "已被注销"),
            (told(flawed(Flaw::NoBundle)), "不是离线包"),
            (told(flawed(Flaw::Damaged)), "重新拷贝"),
            (told(flawed(Flaw::Later)), "更新本站软件"),
            (told(flawed(Flaw::OtherKey)), "重新导出"),
            (told(flawed(Flaw::Other)), "与签名不符"),
            (told(sanji_link::Error::Timeout { operation: "x" }), "请重试"),
        ] {
            assert!(sentence.contains(words) && sentence.ends_with('。'), "{sentence}");
        }
    }
}
