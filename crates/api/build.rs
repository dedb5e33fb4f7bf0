//! Compiles `proto/` without protoc: messages, clients and servers, canonical JSON, and the
//! descriptor set for reflection.

use std::{env, path::PathBuf};

use prost::Message as _;

const SERVICES: [&str; 5] = ["intake", "routing", "answering", "knowledge", "analytics"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for service in SERVICES {
        for entry in std::fs::read_dir(root.join(format!("motcua/{service}/v1")))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    let bytes = descriptors.encode_to_vec();
    std::fs::write(PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin"), &bytes)?;

    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds_with_config(descriptors, config)?;
    pbjson_build::Builder::new().register_descriptors(&bytes)?.emit_fields().build(&[".motcua"])?;
    Ok(())
}
