//! What `docker login` has written: `config.json` below `$DOCKER_CONFIG`, or below `~/.docker`.
//!
//! Programs that it names (`credHelpers`, `credsStore`) aren't started.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::Value;

/// The file has a few lines for each registry.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What is sent to a registry that asks who is there. Nothing prints it.
pub(super) struct Credentials {
    basic: HeaderValue,
}

impl Credentials {
    /// What this machine has for a registry.
    pub(super) fn of(registry: &str) -> Option<Credentials> {
        Credentials::read(&contents()?, registry)
    }

    fn read(file: &Value, registry: &str) -> Option<Credentials> {
        let names: &[&str] = match registry {
            "docker.io" => &["docker.io", "https://index.docker.io/v1/"],
            _ => &[registry],
        };
        let auths = file["auths"].as_object()?;
        let bare = |key: &str| {
            key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/').to_owned()
        };
        let entry =
            auths.iter().find(|(key, _)| names.iter().any(|name| key.as_str() == *name || bare(key) == *name))?.1;
        let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty());
        let encoded = match (text("auth"), text("username"), text("password")) {
            (Some(auth), _, _) => {
                let plain = STANDARD.decode(auth).ok()?;
                plain.contains(&b':').then(|| STANDARD.encode(plain))?
            }
            (None, Some(user), Some(password)) => STANDARD.encode(format!("{user}:{password}")),
            _ => return None,
        };
        let mut basic = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        basic.set_sensitive(true);
        Some(Credentials { basic })
    }

    /// The value of `Authorization`.
    pub(super) fn basic(&self) -> HeaderValue {
        self.basic.clone()
    }
}

/// Why `Credentials::of` a registry found none, and what helps: the end of a sentence.
pub(super) fn why_there_are_none(registry: &str) -> String {
    why_none_in(&contents().unwrap_or_default(), &place(), registry)
}

fn why_none_in(file: &Value, place: &str, registry: &str) -> String {
    let programs = [("credHelpers", &file["credHelpers"][registry]), ("credsStore", &file["credsStore"])];
    match programs.into_iter().find(|(_, program)| program.as_str().is_some_and(|name| !name.is_empty())) {
        Some((key, _)) => format!(
            "{place} leaves its password to a program (`{key}`), which isn't started here; $DOCKER_CONFIG names a folder \
             whose config.json has it"
        ),
        None => format!(
            "{place} has no password for it; `docker login {registry}` puts one there ($DOCKER_CONFIG names another folder)"
        ),
    }
}

fn contents() -> Option<Value> {
    let path = file()?;
    if path.metadata().ok()?.len() > MAX_FILE_BYTES {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Where they would be.
pub(super) fn place() -> String {
    file().map_or_else(|| "$DOCKER_CONFIG/config.json".into(), |path| path.display().to_string())
}

fn file() -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    Some(named.or_else(home)?.join("config.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_docker_login_has_written_is_found_by_the_registrys_name() {
        let file = json!({ "auths": {
            "registry.example:5000": { "auth": "cm9ib3Q6c2VjcmV0" },
            "https://index.docker.io/v1/": { "username": "me", "password": "mine" },
            "https://ghcr.io/": { "auth": "cm9ib3Q6c2VjcmV0" },
            "empty.example": {} } });
        let of = |registry: &str| Credentials::read(&file, registry).map(|c| c.basic().to_str().unwrap().to_owned());
        assert_eq!(of("registry.example:5000").unwrap(), "Basic cm9ib3Q6c2VjcmV0");
        assert_eq!(of("docker.io").unwrap(), "Basic bWU6bWluZQ==");
        assert!(of("ghcr.io").is_some());
        for none in ["registry.example", "empty.example", "other.example"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert!(!format!("{:?}", Credentials::read(&file, "ghcr.io").unwrap().basic()).contains("cm9i"));
    }

    #[test]
    fn a_password_that_a_program_keeps_is_told_from_one_that_is_not_there() {
        let why = |file: Value| why_none_in(&file, "config.json", "r.example");
        let none = json!({ "credHelpers": { "other.example": "pass" }, "credsStore": "" });
        assert!(why(none).contains("has no password for it; `docker login r.example`"));
        assert!(why(json!({ "credHelpers": { "r.example": "pass" } })).contains("a program (`credHelpers`)"));
        assert!(why(json!({ "credsStore": "desktop" })).contains("a program (`credsStore`)"));
    }
}
