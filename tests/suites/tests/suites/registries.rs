//! Components from OCI registries: pushed by an author, fetched when a configuration is loaded, kept for the next time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use tollgate_harness::{
    DockerRegistry, Door, Gateway, Mischief, Origin, Outcome, Registry, Setup, binary, compile_cache,
};

use crate::scene::greeter;

/// `robot:secret`, as a registry sees it.
const ROBOT: &str = "cm9ib3Q6c2VjcmV0";

/// An author's machine: a component, and what `docker login` has left.
struct Machine {
    folder: tempfile::TempDir,
    component: PathBuf,
}

impl Machine {
    /// The component has a name that no other run has used, so that nothing of it has been kept.
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let moment = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let component = folder.path().join(format!("guest-{moment}.wasm"));
        std::fs::write(&component, tollgate_guests::component("state_counter_in_memory")).unwrap();
        Machine { folder, component }
    }

    fn log_in(&self, registry: &str, password: &str) {
        let text = format!("{{ \"auths\": {{ \"{registry}\": {{ \"auth\": \"{password}\" }} }} }}");
        std::fs::write(self.folder.path().join("config.json"), text).unwrap();
    }

    /// Make the component larger, by a section that nothing reads.
    fn grow(&self, bytes: u32) {
        let mut whole = std::fs::read(&self.component).unwrap();
        // Section 0, its length in LEB128 of five bytes, a name of one letter.
        whole.push(0);
        let length = bytes + 2;
        whole.extend((0..5).map(|at| (length >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 }));
        whole.extend(b"\x01x");
        whole.resize(whole.len() + bytes as usize, 7);
        std::fs::write(&self.component, whole).unwrap();
    }

    fn docker_config(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn push(&self, to: &str) -> Outcome {
        let mut command = Command::new(binary());
        command.args(["policy", "push", to, "--component"]).arg(&self.component);
        command.env("DOCKER_CONFIG", self.docker_config()).env("XDG_CACHE_HOME", compile_cache());
        Outcome::of(&mut command)
    }

    /// Push it, and give what it is called there.
    fn pushed(&self, registry: &str) -> String {
        let pushed = self.push(&format!("oci://{registry}/acme/x:1.0"));
        assert_eq!(pushed.code, 0, "{pushed:#?}");
        let name = pushed.stdout.lines().next().unwrap().to_owned();
        assert!(name.starts_with(&format!("oci://{registry}/acme/x@sha256:")), "{name}");
        assert!(pushed.stdout.contains(&format!("{{ file: '{name}' }}")), "{pushed:#?}");
        name
    }

    fn setup(&self, file: &str) -> Setup {
        let yaml = format!(
            "apis: [ {{ id: all, path: '', backend: '{{origin}}', subscription-required: false }} ]\n\
             policies: {{ inbound: [ guest: {{}} ] }}\ncomponents: {{ guest: {{ {file} }} }}\n"
        );
        Gateway::with(&yaml).origin(greeter()).env("DOCKER_CONFIG", self.docker_config())
    }

    /// The one sentence with which a document is refused.
    fn refused(&self, file: &str) -> String {
        let outcome = self.setup(file).check();
        let lines: Vec<&str> = outcome.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        assert!(outcome.code == 2 && lines.len() == 1, "{outcome:#?}");
        assert!(!outcome.stderr.contains(ROBOT) && !outcome.stderr.contains("secret"), "{outcome:#?}");
        lines[0].to_owned()
    }
}

fn file(name: &str) -> String {
    format!("file: '{name}'")
}

#[test]
fn a_component_that_was_pushed_serves_and_is_not_fetched_twice() {
    let (machine, registry) = (Machine::new(), Registry::start(Door::Open));
    let name = machine.pushed(&registry.name());
    let pushes = registry.requests().len();
    assert_eq!(machine.pushed(&registry.name()), name, "the same component has the same digest");
    let sent = |request: &&tollgate_harness::Request| request.method == "PUT" && request.target.contains("/uploads/");
    assert_eq!(registry.requests()[pushes..].iter().filter(sent).count(), 0, "what is there isn't sent again");

    let before = registry.requests().len();
    let gateway = machine.setup(&file(&name)).start();
    assert_eq!(gateway.get("/x").status, 200);
    let fetched = registry.requests()[before..].to_vec();
    assert_eq!(fetched.len(), 2, "a manifest and a component: {fetched:#?}");
    drop(registry);
    // The registry is gone, and what was fetched is there.
    let again = machine.setup(&file(&name)).start();
    assert_eq!(again.get("/x").status, 200);
}

#[test]
fn what_is_kept_and_has_other_bytes_is_fetched_anew() {
    let (machine, registry) = (Machine::new(), Registry::start(Door::Open));
    let name = machine.pushed(&registry.name());
    let cache = tempfile::tempdir().unwrap();
    let check = || machine.setup(&file(&name)).env("XDG_CACHE_HOME", cache.path().to_str().unwrap()).check();
    assert_eq!(check().code, 0);
    let images = cache.path().join("tollgate/images");
    let kept: Vec<PathBuf> = std::fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    for path in kept {
        std::fs::write(path, "damaged").unwrap();
    }
    let before = registry.requests().len();
    assert_eq!(check().code, 0);
    assert_eq!(registry.requests().len() - before, 2);
}

#[test]
fn a_registry_that_asks_who_is_there_is_told_what_docker_login_has_written() {
    for door in [Door::Basic(ROBOT.into()), Door::Token(ROBOT.into())] {
        let (machine, registry) = (Machine::new(), Registry::start(door.clone()));
        let refused = machine.push(&format!("oci://{}/acme/x", registry.name()));
        assert_eq!(refused.code, 2, "{refused:#?}");
        let sentence = format!("docker login {}", registry.name());
        assert!(
            refused.stderr.contains("wants to know who asks") && refused.stderr.contains(&sentence),
            "{refused:#?}"
        );

        machine.log_in(&registry.name(), ROBOT);
        let name = machine.pushed(&registry.name());
        registry.misbehave(Mischief::Elsewhere);
        let gateway = machine.setup(&file(&name)).start();
        assert_eq!(gateway.get("/x").status, 200, "{door:?}: components may lie elsewhere");
        let log = [gateway.stderr(), gateway.stdout()].concat().join("\n");
        assert!(!log.contains(ROBOT), "{log}");

        let other = Machine::new();
        other.log_in(&registry.name(), "cm9ib3Q6b3RoZXI=");
        let refused = other.push(&format!("oci://{}/acme/x", registry.name()));
        assert!(refused.code == 2 && refused.stderr.contains("config.json has as the password"), "{refused:#?}");
    }
}

/// Debian's docker-registry, which isn't ours: what it is given it gives back, to whom it knows.
#[test]
fn a_registry_of_others_takes_a_component_and_gives_it_to_a_gateway() {
    let (machine, registry) = (Machine::new(), DockerRegistry::start());
    let refused = machine.push(&format!("oci://{}/acme/x:1.0", registry.name()));
    assert!(refused.code == 2 && refused.stderr.contains("has no password for it; `docker login "), "{refused:#?}");
    machine.log_in(registry.name(), "cm9ib3Q6b3RoZXI=");
    let refused = machine.push(&format!("oci://{}/acme/x:1.0", registry.name()));
    let sentence = format!("the registry {} refuses what {}/config.json has", registry.name(), machine.docker_config());
    assert!(refused.code == 2 && refused.stderr.contains(&sentence), "{refused:#?}");

    machine.log_in(registry.name(), ROBOT);
    machine.grow(8 << 20);
    let name = machine.pushed(registry.name());
    assert_eq!(machine.pushed(registry.name()), name);
    let gateway = machine.setup(&file(&name)).start();
    assert_eq!(gateway.get("/x").status, 200);
    let answered = |request: &str, status: &str| {
        let of = |line: &&String| line.starts_with(request) && line.ends_with(status);
        registry.answered().iter().filter(of).count()
    };
    assert_eq!(answered("PUT /v2/acme/x/blobs/uploads/", " 201"), 2, "a component and what is said of it, once");
    assert_eq!(
        (answered("GET /v2/acme/x/manifests/sha256:", " 200"), answered("GET /v2/acme/x/blobs/", " 200")),
        (1, 1)
    );

    let elsewhere = Machine::new();
    elsewhere.log_in(registry.name(), "cm9ib3Q6b3RoZXI=");
    let digest = format!("@sha256:{}", "0".repeat(64));
    let absent = file(&format!("oci://{}/acme/x{digest}", registry.name()));
    let refused = elsewhere.refused(&absent);
    assert!(refused.contains("as the password for it") && refused.contains("tollgate.yaml:"), "{refused}");
    assert!(machine.refused(&absent).contains("has no such manifest (GET /v2/acme/x/manifests/sha256:000"));
}

#[test]
fn what_a_registry_gives_instead_is_one_sentence_at_its_place() {
    let (machine, registry) = (Machine::new(), Registry::start(Door::Open));
    let name = machine.pushed(&registry.name());
    for (mischief, sentence) in [
        (Mischief::OtherManifest, "gave a manifest with the digest sha256:"),
        (Mischief::OtherBlob, "gave a component with the digest sha256:"),
    ] {
        registry.misbehave(mischief);
        let said = machine.refused(&file(&name));
        assert!(said.contains(sentence) && said.contains("was asked for") && said.contains("tollgate.yaml:"), "{said}");
    }
    registry.misbehave(Mischief::None);
    let image = registry.put_manifest(
        "{ \"schemaVersion\": 2, \"layers\": [ { \"mediaType\": \"application/vnd.oci.image.layer.v1.tar+gzip\" } ] }",
    );
    let at = |digest: &str| file(&format!("oci://{}/acme/x@{digest}", registry.name()));
    let said = machine.refused(&at(&image));
    assert!(said.contains("its layer is a `application/vnd.oci.image.layer.v1.tar+gzip`"), "{said}");
    let large = registry.put_manifest(&format!(
        "{{ \"layers\": [ {{ \"mediaType\": \"application/wasm\", \"size\": 99999999999, \"digest\": \"sha256:{}\" }} ] }}",
        "0".repeat(64)
    ));
    assert!(machine.refused(&at(&large)).contains("it has 99999999999 bytes; at most 67108864 are fetched"));
    let said = machine.refused(&at(&format!("sha256:{}", "0".repeat(64))));
    assert!(said.contains("has no such manifest (GET /v2/acme/x/manifests/sha256:000"), "{said}");

    let nobody = Origin::refusing();
    let said = machine.refused(&file(&format!("oci://{}/a@sha256:{}", nobody.address(), "0".repeat(64))));
    assert!(said.contains("can't be asked") && said.contains("the connection was refused"), "{said}");
}

#[test]
fn a_reference_that_may_come_to_mean_something_else_is_refused() {
    let machine = Machine::new();
    for (reference, sentence) in [
        ("oci://registry.example/acme/x:1.0", "what a tag names may change; `tollgate policy push` prints the digest"),
        ("oci://registry.example/acme/x", "what a tag names may change"),
        ("oci://registry.example/Acme@sha256:00", "its digest isn't `sha256:` and 64 hexadecimal digits"),
        ("oci://registry.example", "it has no repository"),
    ] {
        let said = machine.refused(&file(reference));
        assert!(said.contains(sentence) && said.contains("oci://registry/repository@sha256:"), "{said}");
    }
    let digest = "0".repeat(64);
    let key =
        format!("{}, signature: {{ key: 'ed25519:{digest}' }}", file(&format!("oci://r.example/a@sha256:{digest}")));
    assert!(machine.refused(&key).contains("expected `file` with the signature's path"));
    let said = machine.push("registry.example/acme/x");
    assert!(said.code == 2 && said.stderr.contains("it doesn't begin with `oci://`"), "{said:#?}");
    let nothing = Path::new("/nonexistent.wasm");
    let machine = Machine { component: nothing.into(), ..machine };
    assert!(machine.push("oci://127.0.0.1:1/a").stderr.contains("/nonexistent.wasm can't be read"));
}
