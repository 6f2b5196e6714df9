//! What every command of both programs has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sanji_tests::binaries::Binaries;
use sanji_tests::command;

/// The commands below a command, as its help lists them.
fn commands_in(help: &str) -> Vec<&str> {
    let Some((_, listed)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    // What a long description goes on with stands further in.
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

#[test]
fn every_command_shows_an_example() {
    let binaries = Binaries::build(true).unwrap();
    for program in [&binaries.hub, &binaries.node] {
        let mut waiting = vec![String::new()];
        let mut seen = 0;
        while let Some(command) = waiting.pop() {
            let help = command::run(program, command.split_whitespace().chain(["--help"])).unwrap();
            let below = commands_in(&help);
            if below.is_empty() {
                seen += 1;
                let shows = ["Example:\n  sanji-", "Examples:\n  sanji-"].iter().any(|example| help.contains(example));
                assert!(shows, "{command}: {help}");
            }
            waiting.extend(below.into_iter().map(|name| format!("{command} {name}")));
        }
        assert!(seen > 50, "{}: only {seen} commands were found", program.display());
    }
}
