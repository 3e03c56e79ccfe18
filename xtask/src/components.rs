//! A core module becomes a component. This is the only place where policies do.

use anyhow::{Context, Result};
use std::path::Path;
use std::time::SystemTime;
use wit_component::ComponentEncoder;

/// What `make` did to the component's file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Written,
    Unchanged,
}

/// Make `component` out of `core_module`, which carries its own WIT in a custom section.
pub(crate) fn make(core_module: &Path, component: &Path) -> Result<Change> {
    if newer(component, core_module) && newer(component, &std::env::current_exe()?) {
        return Ok(Change::Unchanged);
    }
    let module = std::fs::read(core_module).with_context(|| format!("could not read {}", core_module.display()))?;
    let bytes = ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    write_if_changed(component, &bytes)
}

fn newer(file: &Path, other: &Path) -> bool {
    let modified = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    matches!((modified(file), modified(other)), (Some(file), Some(other)) if file > other)
}

/// Replace a file at one stroke, so that a reader sees the old content or the new and never a part.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<Change> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(Change::Unchanged);
    }
    let context = || format!("could not write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(context)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path)).with_context(context)?;
    Ok(Change::Written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_not_written_again() {
        let folder = std::env::temp_dir().join(format!("xtask-components-{}", std::process::id()));
        let path = folder.join("a.wasm");
        assert_eq!(write_if_changed(&path, b"1").unwrap(), Change::Written);
        let written = path.metadata().unwrap().modified().unwrap();
        assert_eq!(write_if_changed(&path, b"1").unwrap(), Change::Unchanged);
        assert_eq!(path.metadata().unwrap().modified().unwrap(), written);
        assert_eq!(write_if_changed(&path, b"2").unwrap(), Change::Written);
        assert_eq!(folder.read_dir().unwrap().count(), 1, "no temporary file stays");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
