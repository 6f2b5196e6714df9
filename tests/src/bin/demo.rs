//! A whole demo district on this machine: a hub, two townships, three villages, each a real process.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sanji_log::{StationCode, Tier};
use sanji_tests::Error;
use sanji_tests::binaries::Binaries;
use sanji_tests::district::{District, PASSWORD, Plan};
use sanji_tests::story::{self, Story};

/// Builds and starts a whole demo district: one hub, two townships and three villages, linked over mutual TLS
/// on this machine. Stays up until Ctrl-C.
#[derive(Debug, Parser)]
#[command(version, after_help = "Example: cargo run --release --bin demo -- --data /tmp/district --fresh")]
struct Options {
    /// Where the stations keep their data; kept for the next run [default: a folder in the system's temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Delete what an earlier run left in the data folder first
    #[arg(long)]
    fresh: bool,
    /// Run the scripted cases, print what happened at each hop, and stop; exit status 0 if all went well
    #[arg(long)]
    once: bool,
    /// Print one JSON object instead of text (with --once)
    #[arg(long, requires = "once")]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = format!("error: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                line.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

/// File that marks a folder as the demo's, so that `--fresh` never deletes anything else.
const MARK: &str = "sanji-demo-district";

fn prepare(folder: &Path, fresh: bool) -> Result<bool, Error> {
    let io = |operation| move |source| Error::Io { operation, source };
    let ours = folder.join(MARK).exists();
    let empty = !folder.exists() || folder.read_dir().map_err(io("read the data folder"))?.next().is_none();
    if !ours && !empty {
        return Err(Error::Folder { path: folder.to_owned() });
    }
    if fresh && ours {
        std::fs::remove_dir_all(folder).map_err(io("delete the old data folder"))?;
    }
    let new = fresh || empty;
    std::fs::create_dir_all(folder).map_err(io("make the data folder"))?;
    std::fs::write(folder.join(MARK), b"").map_err(io("mark the data folder"))?;
    Ok(new)
}

async fn run(options: &Options) -> Result<(), Error> {
    let once = options.once.then(tempfile::tempdir).transpose();
    let once = once.map_err(|source| Error::Io { operation: "make a temporary folder", source })?;
    let folder = match (&options.data, &once) {
        (Some(folder), _) => folder.clone(),
        (None, Some(temporary)) => temporary.path().join("district"),
        (None, None) => std::env::temp_dir().join("sanji-demo"),
    };
    let new = prepare(&folder, options.fresh)?;
    let binaries = Binaries::build(options.json)?;
    let started = Instant::now();
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    let mut district = District::new(&folder, Plan::demo()?, binaries)?;
    let tell = |what: &str| {
        if bar.is_hidden() && !options.json {
            eprintln!("{what}");
        }
        bar.set_message(what.to_owned());
    };
    district.start(&tell)?;
    let stories = if new || options.once { cases(&district, &tell).await? } else { Vec::new() };
    bar.finish_and_clear();
    if options.once {
        district.stop_all()?;
        return report(&stories, started.elapsed(), options.json);
    }
    print_guide(&district, &stories, &folder)?;
    stop_asked().await.map_err(|source| Error::Io { operation: "wait for Ctrl-C", source })?;
    println!("\nstopping …");
    district.stop_all()
}

/// Returns on Ctrl-C, or when the system asks the demo to end.
async fn stop_asked() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        asked = tokio::signal::ctrl_c() => asked,
        _ = terminate.recv() => Ok(()),
    }
}

async fn cases(district: &District, tell: &dyn Fn(&str)) -> Result<Vec<Story>, Error> {
    let [first, second, third] = district.plan.villages.as_slice() else {
        return Err(Error::Sample("three villages".into()));
    };
    tell("即办件：村（社区）居住情况说明");
    let on_the_spot = story::on_the_spot(district, *second).await?;
    tell("承诺件：城乡居民基本养老保险参保登记");
    let up_and_down = story::up_and_down(district, *first).await?;
    tell("承诺件：最低生活保障审核确认");
    let minimum_living = story::minimum_living(district, *third).await?;
    Ok(vec![on_the_spot, up_and_down, minimum_living])
}

fn report(stories: &[Story], took: Duration, json: bool) -> Result<(), Error> {
    if json {
        let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
        let value = serde_json::json!({ "ok": true, "seconds": seconds, "cases": stories });
        println!("{value}");
        return Ok(());
    }
    for story in stories {
        println!("{} {}", story.item, story.case_number);
        for hop in &story.hops {
            println!("  {:>10.2} ms  {}  {}", hop.after_ms, hop.station, hop.what);
        }
    }
    println!("all cases went their way in {:.1} s, start and stop of six stations included", took.as_secs_f64());
    Ok(())
}

/// Roles for which the guide names a login, by tier: department, role.
fn logins(station: StationCode) -> &'static [(&'static str, &'static str)] {
    match station.tier() {
        Tier::District => &[
            ("mz", "审批"),
            ("rs", "审批"),
            ("mz", "审核"),
            ("mz", "窗口受理"),
            ("sp", "联办协调"),
            ("cz", "收费"),
            ("js", "监察"),
            ("sp", "管理员"),
        ],
        Tier::Township => &[
            ("township", "窗口受理"),
            ("township", "审核"),
            ("township", "审批"),
            ("township", "全程代办"),
            ("township", "监察"),
            ("township", "管理员"),
        ],
        Tier::Village => &[("village", "代办员")],
    }
}

fn print_guide(district: &District, stories: &[Story], folder: &Path) -> Result<(), Error> {
    println!("\n澄川区三级便民服务网络已启动。口令均为 {PASSWORD}\n");
    for station in district.plan.stations() {
        println!("{station}  http://{}/desk", district.address(station)?.desk);
        for (department, role) in logins(station) {
            let person = district.sample.staff_of(station, department, role)?;
            println!("    {:<16} {}（{role}，{department}）", person.id, person.name);
        }
    }
    println!("\n公众查询  http://{}/", district.address(district.plan.hub)?.desk);
    for story in stories {
        println!("    {} 办件编号 {} 查询码 {}", story.item, story.case_number, story.query_code);
    }
    println!("\ndata and logs: {}   (Ctrl-C stops all stations)", folder.display());
    Ok(())
}
