//! Servers of others that tests run the gateway against, into `target/tools`: unpacked from Debian's packages and not
//! installed, so that nothing of them is started or left on the machine.

use crate::debian;
use crate::languages;
use crate::step::Steps;
use crate::workspace::Workspace;
use anyhow::Result;

/// An OCI registry (`usr/bin/docker-registry` in its folder).
const REGISTRY: &str = "docker-registry";

/// Unpack what is missing.
pub(crate) fn ensure(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("servers", || {
        let folder = languages::folder(workspace).join(REGISTRY);
        if folder.join("usr/bin").join(REGISTRY).is_file() {
            return Ok(((), format!("{REGISTRY} is there")));
        }
        debian::unpack("servers", REGISTRY, &folder)?;
        Ok(((), format!("unpacked {REGISTRY}")))
    })
}
