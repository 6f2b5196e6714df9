//! Stations on hosts of their own: network namespaces with real lines in between.
//!
//! ```text
//! village 10.203.1.2 ──── 10.203.1.1 township 10.203.2.2 ──── 10.203.2.1 hub
//! ```
//!
//! Unlike [`crate::thin_line`], packets are lost here and TCP has to cope; a line that is cut answers nothing, not even
//! that it is cut. The township's host forwards, so a village reaches the hub while the township's program is away.
//! The kernel shapes (`tc tbf`) and drops at random (`nft`). Making namespaces needs root.

use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::Error;

/// Where the kernel lists the namespaces that have a name.
const NAMED: &str = "/run/netns";

/// One host. What runs in it sees its network and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
}

impl Host {
    /// Runs something on this host: sockets that it opens and programs that it starts belong there.
    ///
    /// # Errors
    /// [`Error::Io`] where the namespace is gone.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let io = |operation| move |source| Error::Io { operation, source };
        let namespace = std::fs::File::open(Path::new(NAMED).join(&self.name)).map_err(io("open a namespace"))?;
        // A thread of its own: a namespace is entered by a thread, not by a process.
        std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET)
                    .map_err(|errno| Error::Io { operation: "enter a namespace", source: errno.into() })?;
                Ok(work())
            });
            there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Three hosts in a row. They are removed with it.
#[derive(Debug)]
pub struct Network {
    /// The village's.
    pub village: Host,
    /// The township's.
    pub township: Host,
    /// The hub's.
    pub hub: Host,
}

/// Address of the township on the village's line.
pub const TOWNSHIP: &str = "10.203.1.1";
/// Address of the hub.
pub const HUB: &str = "10.203.2.1";

/// The ends of a line, as the lower and the upper host name it.
const UPLINK: &str = "uplink";
const DOWNLINK: &str = "downlink";
/// The ends of the village's line: as the village's host names it, and as the township's does.
const VILLAGE_LINE: [&str; 2] = [UPLINK, DOWNLINK];

/// What is dropped at random of what comes in.
const LOSS: &str = "
table inet line {
  chain arriving {
    type filter hook prerouting priority raw
    iifname LINE numgen random mod 100 < PERCENT drop
  }
}
";

impl Network {
    /// Makes hosts and lines.
    ///
    /// # Errors
    /// [`Error::Command`] with what `ip` said, for example where the caller is not root.
    pub fn make() -> Result<Self, Error> {
        let host = |what: &str| Host { name: format!("sanji-{}-{what}", std::process::id()) };
        let network = Self { village: host("village"), township: host("township"), hub: host("hub") };
        for host in network.hosts() {
            ip(&["netns", "add", &host.name])?;
            ip(&["-n", &host.name, "link", "set", "dev", "lo", "up"])?;
        }
        network
            .line((&network.village, VILLAGE_LINE[0], "10.203.1.2"), (&network.township, VILLAGE_LINE[1], TOWNSHIP))?;
        network.line((&network.township, UPLINK, "10.203.2.2"), (&network.hub, DOWNLINK, HUB))?;
        ip(&["-n", &network.village.name, "route", "add", "default", "via", TOWNSHIP])?;
        ip(&["-n", &network.hub.name, "route", "add", "10.203.1.0/24", "via", "10.203.2.2"])?;
        network
            .township
            .run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))?
            .map_err(|source| Error::Io { operation: "let the township's host forward", source })?;
        Ok(network)
    }

    fn hosts(&self) -> [&Host; 3] {
        [&self.village, &self.township, &self.hub]
    }

    fn line(&self, one: (&Host, &str, &str), other: (&Host, &str, &str)) -> Result<(), Error> {
        let (near, far) = (&one.0.name, &other.0.name);
        ip(&["-n", near, "link", "add", one.1, "type", "veth", "peer", "name", other.1, "netns", far])?;
        for (host, name, address) in [one, other] {
            ip(&["-n", &host.name, "address", "add", &format!("{address}/24"), "dev", name])?;
            ip(&["-n", &host.name, "link", "set", "dev", name, "up"])?;
        }
        Ok(())
    }

    /// Makes the village's line thin and lossy from now on, both ways.
    ///
    /// # Errors
    /// [`Error::Command`] with what `tc` or `nft` said.
    pub fn thin(&self, bits_per_second: u64, loss_percent: u32) -> Result<(), Error> {
        for (host, line) in [&self.village, &self.township].into_iter().zip(VILLAGE_LINE) {
            let rate = format!("{bits_per_second}bit");
            let shape =
                ["qdisc", "replace", "dev", line, "root", "tbf", "rate", &rate, "burst", "4kb", "latency", "2s"];
            run("tc", ["-n", &host.name].iter().chain(&shape))?;
            let rules = LOSS.replace("LINE", line).replace("PERCENT", &loss_percent.to_string());
            host.run(move || apply(&rules))??;
        }
        Ok(())
    }

    /// Cuts the village's line: packets vanish on it.
    ///
    /// # Errors
    /// [`Error::Command`].
    pub fn cut(&self) -> Result<(), Error> {
        ip(&["-n", &self.township.name, "link", "set", "dev", VILLAGE_LINE[1], "down"])
    }

    /// Brings it back.
    ///
    /// # Errors
    /// [`Error::Command`].
    pub fn mend(&self) -> Result<(), Error> {
        ip(&["-n", &self.township.name, "link", "set", "dev", VILLAGE_LINE[1], "up"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in self.hosts() {
            // One that was never made can't be removed; the lines go with their hosts.
            let _ = ip(&["netns", "delete", &host.name]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), Error> {
    run("ip", arguments)
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a &'a str>) -> Result<(), Error> {
    crate::command::run(Path::new(program), arguments).map(|_| ())
}

/// Gives rules to the host on which it is called.
fn apply(rules: &str) -> Result<(), Error> {
    let file = tempfile::NamedTempFile::new().and_then(|mut file| {
        std::io::Write::write_all(&mut file, rules.as_bytes())?;
        Ok(file)
    });
    let file = file.map_err(|source| Error::Io { operation: "write the rules of a line", source })?;
    run("nft", &["-f", &file.path().display().to_string()])
}
