//! The generated code is the generator's output for the `.proto` files as they stand.
//!
//! `UPDATE_GENERATED=1 cargo test -p sanji-proto --test generated` writes it anew.

use std::path::Path;

#[test]
fn generated_code_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["log", "body", "link", "enrolment", "health", "case"].map(|name| format!("sanji/v1/{name}.proto"));
    let descriptors = protox::compile(files, [root]).expect("the .proto files compile");
    let out = tempfile::tempdir().expect("a folder for the output");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .bytes(".sanji.v1.Run.entries")
        .bytes(".sanji.v1.ChunkReply.data")
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(descriptors)
        .expect("the generator accepts the descriptors");
    let fresh = std::fs::read_to_string(out.path().join("sanji.v1.rs")).expect("the generator wrote its file");
    let kept = root.join("src/generated/sanji.v1.rs");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&kept, &fresh).expect("the generated file can be written");
    }
    let stored = std::fs::read_to_string(&kept).unwrap_or_default();
    assert!(stored == fresh, "run UPDATE_GENERATED=1 cargo test -p sanji-proto --test generated");
}
