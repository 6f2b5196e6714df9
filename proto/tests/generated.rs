//! The generated code is the generator's output for the `.proto` files as they stand.
//!
//! `UPDATE_GENERATED=1 cargo test -p sanji-proto --test generated` writes it anew.
#![allow(clippy::expect_used)]

use std::path::Path;

use prost::Message as _;

#[test]
fn generated_code_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "log",
        "body",
        "link",
        "bundle",
        "enrolment",
        "health",
        "case",
        "administration",
        "deadline",
        "records",
        "matter",
        "supervision",
        "staff",
    ]
    .map(|name| format!("sanji/v1/{name}.proto"));
    let mut descriptors = protox::compile(files, [root]).expect("the .proto files compile");
    let out = tempfile::tempdir().expect("a folder for the output");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .codec_path("crate::codec::Codec")
        .bytes(".sanji.v1.Entry")
        .bytes(".sanji.v1.Run.entries")
        .bytes(".sanji.v1.Sealed")
        .bytes(".sanji.v1.Packed")
        .bytes(".sanji.v1.ChunkReply.data")
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(descriptors.clone())
        .expect("the generator accepts the descriptors");
    let code = std::fs::read(out.path().join("sanji.v1.rs")).expect("the generator wrote its file");
    compare(&root.join("src/generated/sanji.v1.rs"), &code);
    // Comments are for readers of the .proto files; the descriptors do without.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    compare(&root.join("src/generated/sanji.v1.descriptors"), &descriptors.encode_to_vec());
}

fn compare(kept: &Path, fresh: &[u8]) {
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(kept, fresh).expect("the generated file can be written");
    }
    let stored = std::fs::read(kept).unwrap_or_default();
    assert!(stored == fresh, "run UPDATE_GENERATED=1 cargo test -p sanji-proto --test generated");
}
