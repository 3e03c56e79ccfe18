//! Embeds the built-in components: `cargo xtask build` makes them, this includes them in the binary.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use sha2::{Digest, Sha256};

fn main() {
    embed_sdks();
    println!("cargo::rerun-if-env-changed=TOLLGATE_COMPONENTS");
    let folder = components_folder();
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut components: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|e| e.path())).filter(|p| is_wasm(p)).collect(),
        Err(_) => Vec::new(),
    };
    if components.is_empty() {
        println!(
            "cargo::error=no built-in components in {}: run `cargo xtask build`, which makes them and then this crate",
            folder.display()
        );
        process::exit(1);
    }
    components.sort();
    let mut code = String::from("&[\n");
    for path in &components {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let digest: [u8; 32] = match fs::read(path) {
            Ok(bytes) => Sha256::digest(bytes).into(),
            Err(error) => {
                println!("cargo::error={} can't be read: {error}", path.display());
                process::exit(1);
            }
        };
        code.push_str(&format!(
            "    BuiltIn {{ name: {name:?}, bytes: include_bytes!({path:?}), digest: {digest:?} }},\n"
        ));
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("built_ins.rs");
    if let Err(error) = fs::write(&out, code) {
        println!("cargo::error={} can't be written: {error}", out.display());
        process::exit(1);
    }
}

/// The contract and the SDKs, as `tollgate policy` lays them beside a policy: paths as in the repository.
fn embed_sdks() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    let mut files = Vec::new();
    for folder in ["wit", "sdk"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), &mut files);
    }
    files.push(root.join("Cargo.toml"));
    files.sort();
    let mut code = String::from("&[\n");
    for path in &files {
        let (Ok(relative), Ok(absolute)) = (path.strip_prefix(&root), path.canonicalize()) else { continue };
        code.push_str(&format!("    ({relative:?}, include_str!({absolute:?})),\n"));
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("sdk_files.rs");
    if let Err(error) = fs::write(&out, code) {
        println!("cargo::error={} can't be written: {error}", out.display());
        process::exit(1);
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    /// What tools leave in the SDKs' folders, and what only their own tests need.
    const NOT_SHIPPED: [&str; 8] = [
        "node_modules",
        "__pycache__",
        "target",
        "tests",
        "package-lock.json",
        "generate.sh",
        "generate.mjs",
        "jsconfig.json",
    ];
    for path in fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let in_template = path.components().any(|part| part.as_os_str() == "template");
        if NOT_SHIPPED.contains(&&*name) && !(in_template && name == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn is_wasm(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

fn components_folder() -> PathBuf {
    match env::var_os("TOLLGATE_COMPONENTS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
            manifest.join("../../target/components")
        }
    }
}
