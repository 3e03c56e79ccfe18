//! The WIT that a guest claims: a world of its own, including those of `wit/` whose phases it exports.

use crate::source::{Source, VERSION};
use std::path::{Path, PathBuf};
use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup, WorldId};

pub(crate) fn world(source: &Source) -> (Resolve, WorldId) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wit = here.join("../../wit");
    let mut dependencies = Vec::new();
    for folder in sorted(&wit.join("deps")) {
        dependencies.push(package(&sorted(&folder), source));
    }
    // Interfaces that no gateway has.
    for file in sorted(&here.join("wit")) {
        dependencies.push(package(&[file], source));
    }
    let root: Vec<PathBuf> =
        sorted(&wit).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "wit")).collect();
    dependencies.push(package(&root, source));

    let mut resolve = Resolve::default();
    let own = UnresolvedPackageGroup::parse("guest.wit", &own_package(source))
        .unwrap_or_else(|(_, error)| panic!("the guest's world: {error}"));
    let package = resolve.push_groups(own, dependencies).expect("the contract resolves");
    let world = resolve.select_world(&[package], Some("guest")).expect("the guest's world is there");
    (resolve, world)
}

fn own_package(source: &Source) -> String {
    let mut world = vec!["include tollgate:gateway/lifecycle-policy@0.1.0;".to_owned()];
    for phase in &source.phases {
        let of = match *phase {
            "on-request" => "request",
            "on-response" => "response",
            "on-error" => "error",
            other => other,
        };
        world.push(format!("include tollgate:gateway/{of}-policy@0.1.0;"));
    }
    if let Some(interface) = &source.import {
        world.push(format!("import {interface};"));
    }
    if let Some(interface) = &source.export {
        world.push(format!("export {interface};"));
    }
    format!("package tollgate:guest;\nworld guest {{ {} }}\n", world.join(" "))
}

/// The files of one package, with the contract's version written as the guest wants it.
fn package(files: &[PathBuf], source: &Source) -> UnresolvedPackageGroup {
    let mut map = SourceMap::default();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        map.push(file, doctor(&text, &source.version));
    }
    map.parse().unwrap_or_else(|(map, error)| panic!("{}", error.render(&map)))
}

/// Give `tollgate:policy` another version, wherever it is named.
fn doctor(text: &str, version: &str) -> String {
    text.lines()
        .map(|line| match line.contains("tollgate:policy") {
            true => line.replace(&format!("@{VERSION}"), &format!("@{version}")) + "\n",
            false => line.to_owned() + "\n",
        })
        .collect()
}

/// What is in a folder, by name.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    paths.sort();
    paths
}
