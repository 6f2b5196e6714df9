//! Facts about the machine and about processes on it, read from `/proc`.

use std::time::Duration;

/// What a benchmark's figures were measured on.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Machine {
    /// Processors that the program may use.
    pub processors: usize,
    /// Name of the processor.
    pub processor: String,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Release of the kernel.
    pub kernel: String,
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kib(path: &str, name: &str) -> Option<u64> {
    line_of(path, name)?.split_whitespace().next()?.parse().ok()
}

impl Machine {
    /// Reads what can be read; what can't is left empty.
    #[must_use]
    pub fn read() -> Self {
        Self {
            processors: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            processor: line_of("/proc/cpuinfo", "model name").unwrap_or_default(),
            memory_mib: kib("/proc/meminfo", "MemTotal").unwrap_or_default() / 1024,
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        }
    }
}

/// Resident memory of a process, in KiB.
#[must_use]
pub fn resident_kib(process: u32) -> Option<u64> {
    kib(&format!("/proc/{process}/status"), "VmRSS")
}

/// Most memory that a process ever had resident, in KiB.
#[must_use]
pub fn peak_resident_kib(process: u32) -> Option<u64> {
    kib(&format!("/proc/{process}/status"), "VmHWM")
}

/// Resident memory of a process with its share of what it shares with others (PSS), in KiB.
#[must_use]
pub fn share_kib(process: u32) -> Option<u64> {
    kib(&format!("/proc/{process}/smaps_rollup"), "Pss")
}

/// Processor time that a process has used, its own and the kernel's for it.
#[must_use]
pub fn processor_time(process: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program may hold blanks; the fields begin behind its closing bracket.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // The kernel's interface counts in hundredths of a second (USER_HZ) on every Linux architecture in use.
    Some(Duration::from_millis(ticks * 10))
}
