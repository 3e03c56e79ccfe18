//! What an author of policies does, in every language: make, build, test, serve.
//!
//! `cargo xtask test` installs the languages' tools before this runs (`cargo xtask setup` does, too).

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tollgate_harness::{Gateway, Origin, Outcome, Request, Response, binary, compile_cache, tools};

/// HMAC-SHA256 of `{"order":7}` with the key `acme-key`.
const SIGNATURE: &str = "65cb3f575613312dbcb08a0aa198ade0a429033a37f4e416e6f424451b190770";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `tollgate policy …` in `folder`, with the tools that xtask has installed and the machine code that other tests have made.
pub(crate) fn policy(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(binary());
    command.arg("policy").args(arguments).current_dir(folder).env("XDG_CACHE_HOME", compile_cache());
    command.env("TOLLGATE_TOOLS", tools());
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn passes(outcome: &Outcome) {
    assert!(outcome.code == 0 && outcome.stdout.contains(" passed, 0 failed"), "{outcome:#?}");
}

/// A new policy builds and passes its own test as it is, and a wrong expectation is told.
fn a_new_one(language: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let made = policy(folder.path(), &["new", "greets", "--lang", language]);
    assert_eq!(made.code, 0, "{made:#?}");
    passes(&policy(folder.path(), &["test", "greets"]));

    let component = folder.path().join("greets/build/greets.wasm");
    let cases = folder.path().join("greets/tests/hello.yaml");
    let wrong = std::fs::read_to_string(&cases).unwrap().replace("Good morning from", "Good evening from");
    std::fs::write(&cases, wrong).unwrap();
    let failed = policy(folder.path(), &["test", "greets", "--component", "greets/build/greets.wasm"]);
    assert_eq!(failed.code, 1, "{failed:#?}");
    for line in
        ["FAILED  hello.yaml: takes another greeting", "- Good evening from a policy!", "+ Good morning from a policy!"]
    {
        assert!(failed.stdout.contains(line), "{failed:#?}");
    }
    (folder, component)
}

#[test]
fn a_new_policy_in_c_builds_and_passes_its_own_test() {
    let (folder, component) = a_new_one("c");
    assert!(component.metadata().unwrap().len() < 128 << 10, "C is small");
    let built = policy(folder.path(), &["build", "greets"]);
    for fact in ["phase    on-request, body: none", "class    compact", "grants   none needed"] {
        assert!(built.stdout.contains(fact), "{built:#?}");
    }
    assert!(!built.stdout.contains("wasi:"), "{built:#?}");
    let measured = policy(folder.path(), &["bench", "greets", "--component", "greets/build/greets.wasm", "--save"]);
    assert!(measured.code == 0 && measured.stdout.contains("  warm   on-request "), "{measured:#?}");
    let again = policy(folder.path(), &["bench", "greets", "--component", "greets/build/greets.wasm"]);
    assert!(
        again.stdout.contains(" fuel ") && again.stdout.contains("(+0 %)"),
        "fuel is the same each time: {again:#?}"
    );
}

#[test]
fn a_counter_that_is_not_as_expected_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let cases = root().join("examples/signed-requests/tests/signed-requests.yaml");
    let text = std::fs::read_to_string(cases).unwrap();
    let tests = folder.path().join("tests");
    std::fs::create_dir(&tests).unwrap();
    std::fs::write(folder.path().join("policy.yaml"), "{ name: signed, language: c, phases: [on-request] }").unwrap();
    std::fs::write(folder.path().join("policy.c"), "").unwrap();
    let edits = [
        ("limiter: { acme: { admitted: true, remaining: 1 } }", "limiter: { globex: {}, acme: { remaining: 7 } }"),
        ("remaining: 0 } } }", "remaining: 0 }, globex: null } }"),
        ("acme: { admitted: false,", "acme: { admitted: true,"),
    ];
    std::fs::write(tests.join("signed.yaml"), &text).unwrap();
    edit(&tests.join("signed.yaml"), &edits);
    let frozen = root().join("tests/compat/0.1.0/signed-requests-c.wasm");
    let failed = policy(folder.path(), &["test", ".", "--component", frozen.to_str().unwrap()]);
    assert_eq!(failed.code, 1, "{failed:#?}");
    for line in [
        "limiter acme remaining\n          - 7\n          + 1",
        "limiter globex\n          - asked\n          + not asked; asked: acme",
        "step 2: limiter acme admitted\n          - true\n          + false",
    ] {
        assert!(failed.stdout.contains(line), "{line}: {failed:#?}");
    }
    assert!(!failed.stdout.contains("step 2: limiter globex"), "{failed:#?}");
}

#[test]
fn a_new_policy_in_rust_builds_and_passes_its_own_test_and_a_panic_is_told() {
    let (folder, component) = a_new_one("rust");
    let panics = "\"/break\" => self.out_of_greetings(),\n            \"/hello\" =>";
    let method = "impl Hello {\n    #[inline(never)]\n    fn out_of_greetings(&self) -> Result<(), Verdict> {\n        \
                  None.expect(\"out of greetings\")\n    }\n}\n\n/// Greets whoever";
    let edits = [("\"/hello\" =>", panics), ("/// Greets whoever", method)];
    edit(&folder.path().join("greets/src/lib.rs"), &edits);
    let built = policy(folder.path(), &["build", "greets"]);
    assert_eq!(built.code, 0, "{built:#?}");
    let yaml = "workers: 1\napis: [ { id: a, path: '', backend: 'http://127.0.0.1:1', subscription-required: false, \
                policies: { inbound: [ greets: {} ] } } ]\ncomponents: { greets: { file: ./greets.wasm } }\n";
    let gateway = Gateway::with(yaml).file("greets.wasm", std::fs::read(component).unwrap()).start();
    assert_eq!(gateway.get("/break").status, 500);
    let line: Value = serde_json::from_str(&gateway.wait_for_log("a policy failed")).unwrap();
    let detail = line["detail"].as_str().unwrap();
    let place = ", in greets::Hello::out_of_greetings of ";
    assert!(detail.contains(place) || detail.contains(&place.replace("greets::Hello", "<greets::Hello>")), "{detail}");
    assert!(detail.contains("; it said: panicked at src/lib.rs:") && detail.contains("out of greetings"), "{detail}");
}

/// Change a source.
fn edit(source: &Path, edits: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(source).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{text}");
        text = text.replace(from, to);
    }
    std::fs::write(source, text).unwrap();
}

/// The greeting policy in a gateway, which prints, and throws when it is told to.
fn breaks(folder: &tempfile::TempDir, component: &Path, says: &str) {
    let built = policy(folder.path(), &["build", "greets"]);
    assert_eq!(built.code, 0, "{built:#?}");
    assert!(built.stdout.contains("class    interpreter"), "{built:#?}");

    let origin = Origin::start(|_| Response::new(200).body("from the origin"));
    let api = |id: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: '{{origin}}', subscription-required: false, \
             policies: {{ inbound: [ {{ greets: {{}}, on-failure: {id} }} ] }} }}\n"
        )
    };
    let yaml = format!(
        "workers: 1\napis:\n{}{}components: {{ greets: {{ file: ./greets.wasm }} }}\n",
        api("open"),
        api("closed")
    );
    let gateway = Gateway::with(&yaml).file("greets.wasm", std::fs::read(component).unwrap()).origin(&origin).start();
    assert_eq!(gateway.get("/open/break").text(), "from the origin", "`on-failure: open`");
    assert_eq!(gateway.get("/closed/break").status, 500);
    assert_eq!(gateway.get("/closed/fine").text(), "from the origin", "a new interpreter serves on");
    let line: Value = serde_json::from_str(&gateway.wait_for_log("a policy failed")).unwrap();
    assert!(line["detail"].as_str().unwrap().contains(says), "{line:#}");
    let printed: Value = serde_json::from_str(&gateway.wait_for_log("printed /closed/fine")).unwrap();
    assert_eq!((&printed["level"], &printed["target"]), (&"INFO".into(), &"policy".into()), "{printed:#}");
    assert!(printed["request_id"].as_str().is_some_and(|id| id.len() == 32), "{printed:#}");
    waits_without_memory(component);
}

/// Beside a built-in, an interpreter that nobody has called yet takes what wasmtime knows of its functions: 5 MB for
/// JavaScript, 9 MB for Python, and not its file, its machine code or its memory, which are 40 MB and more.
fn waits_without_memory(component: &Path) {
    const MOST_BYTES: u64 = 16 << 20;
    let resident = |statement: &str, components: &str| {
        let yaml = format!(
            "workers: 1\napis: [ {{ id: a, path: '', backend: 'http://127.0.0.1:1', policies: {{ inbound: \
             [ {{ set-header: {{ name: x-a, value: b }} }}, {statement} ] }} }} ]\ncomponents: {{ {components} }}\n"
        );
        Gateway::with(&yaml).file("greets.wasm", std::fs::read(component).unwrap()).start().rss_bytes()
    };
    // Its machine code is cached by now.
    let without = resident("{ set-header: { name: x-c, value: d } }", "");
    let with = resident("{ greets: {} }", "greets: { file: ./greets.wasm }");
    assert!(with < without + MOST_BYTES, "{with} bytes with it, {without} without");
}

#[test]
fn a_new_policy_in_python_passes_its_own_test_and_an_exception_is_told() {
    let to = "        print(\"printed\", request.path)\n        if request.path.endswith(\"/break\"):\n            \
              raise ValueError(\"out of greetings\")\n        if request.path ==";
    let configure = CONFIGURE_READS.split_inclusive('\n').next().unwrap();
    let (folder, component) = a_new_one("python");
    let edits = [("        if request.path ==", &*[REQUEST_READS, to].concat()), (configure, CONFIGURE_READS)];
    edit(&folder.path().join("greets/policy.py"), &edits);
    breaks(&folder, &component, "ValueError: out of greetings");
    reads(&component);
}

const CONFIGURE_READS: &str = r#"        self.greeting = configuration.get("greeting", "Hello")
        self.reads = self.greeting.startswith("/")
        if self.reads:
            self.greeting = open(self.greeting).read()
"#;

const REQUEST_READS: &str = r#"        if self.reads:
            import os
            return reply(200, self.greeting + open("/data/later.txt").read() + " ".join(sorted(os.listdir("/data"))))
"#;

/// The greeting policy reads files: one while it takes its configuration, one for the request.
fn reads(component: &Path) {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("first.txt"), "configured, ").unwrap();
    std::fs::write(data.path().join("later.txt"), "asked ").unwrap();
    let yaml = "workers: 1\napis: [ { id: a, path: '', backend: 'http://127.0.0.1:1', subscription-required: false, \
                policies: { inbound: [ { greets: { greeting: /data/first.txt } } ] } } ]\n\
                components: { greets: { file: ./greets.wasm, \
                grants: { files: [ { directory: '{data}', at: /data } ] } } }\n";
    let gateway = Gateway::with(yaml)
        .file("greets.wasm", std::fs::read(component).unwrap())
        .value("data", data.path().to_str().unwrap())
        .start();
    for _ in 0..2 {
        assert_eq!(gateway.get("/").text(), "configured, asked first.txt later.txt");
    }
}

#[test]
fn a_new_policy_in_javascript_passes_its_own_test_and_an_exception_is_told() {
    let to = "    console.log(`printed ${request.path}`);\n    if (request.path.endsWith(\"/break\")) \
              throw new Error(\"out of greetings\");\n    if (request.path ===";
    let (folder, component) = a_new_one("js");
    edit(&folder.path().join("greets/policy.js"), &[("    if (request.path ===", to)]);
    breaks(&folder, &component, "out of greetings");
}

#[test]
fn a_new_policy_in_go_passes_its_own_test_and_a_panic_is_told() {
    let to = "\tfmt.Println(\"printed\", request.Path())\n\tif strings.HasSuffix(request.Path(), \"/break\") {\n\t\t\
              panic(\"out of greetings\")\n\t}\n\tif request.Path() !=";
    let from = "\tif request.Path() !=";
    let imported =
        ("\"encoding/json\"\n", "\"encoding/json\"\n\t\"errors\"\n\t\"fmt\"\n\t\"io/fs\"\n\t\"os\"\n\t\"strings\"\n");
    let configured = ("\treturn json.Unmarshal(configuration, h)\n", GO_CONFIGURE_READS);
    let field = ("`json:\"greeting\"`\n", "`json:\"greeting\"`\n\treads    bool\n");
    let (folder, component) = a_new_one("go");
    edit(
        &folder.path().join("greets/policy.go"),
        &[(from, &*[GO_REQUEST_READS, to].concat()), imported, configured, field],
    );
    breaks(&folder, &component, "panic: out of greetings, in main.(*Hello).OnRequest (policy.go:");
    reads(&component);
}

const GO_CONFIGURE_READS: &str = r#"	err := json.Unmarshal(configuration, h)
	if h.reads = strings.HasPrefix(h.Greeting, "/"); !h.reads || err != nil {
		return err
	}
	read, err := os.ReadFile(h.Greeting)
	h.Greeting = string(read)
	return err
"#;

/// What isn't granted isn't there, and nothing is written.
const GO_REQUEST_READS: &str = r#"	if h.reads {
		file, err := os.Open("/data/later.txt")
		if err != nil {
			return tollgate.Next, err
		}
		defer file.Close()
		told := make([]byte, 6)
		if _, err = file.ReadAt(told, 0); err != nil {
			return tollgate.Next, err
		}
		_, absent := os.Open("/data/absent.txt")
		_, outside := os.Open("/etc/passwd")
		written := os.WriteFile("/data/first.txt", nil, 0o600)
		if !errors.Is(absent, fs.ErrNotExist) || outside == nil || written == nil {
			return tollgate.Next, fmt.Errorf("%v, %v, %v", absent, outside, written)
		}
		names := ""
		entries, err := os.ReadDir("/data")
		for _, entry := range entries {
			names = strings.TrimPrefix(names+" "+entry.Name(), " ")
		}
		return tollgate.Reply(200, h.Greeting+string(told)+names), err
	}
"#;

#[test]
fn a_policy_in_go_that_differs_from_its_policy_yaml_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(policy(folder.path(), &["new", "greets", "--lang", "go"]).code, 0);
    let source = folder.path().join("greets/policy.go");
    let whole = std::fs::read_to_string(&source).unwrap();
    let said = |edits: &[(&str, &str)]| {
        edit(&source, edits);
        let built = policy(folder.path(), &["build", "greets"]);
        std::fs::write(&source, &whole).unwrap();
        assert_eq!(built.code, 2, "{built:#?}");
        built.stderr
    };
    let said_of_method = said(&[(") OnRequest(", ") OnRequets(")]);
    assert!(said_of_method.contains("policy.yaml names on-request, but *main.Hello has no method OnRequest("));
    let (from, to) = ("\"encoding/json\"\n", "\"encoding/json\"\n\n\t\"github.com/tollgate/tollgate/sdk/go/cache\"\n");
    let said_of_cache =
        said(&[(from, to), ("\tif request.Path() !=", "\tcache.Remove(\"a\")\n\tif request.Path() !=")]);
    assert!(said_of_cache.contains("uses `cache`, which policy.yaml doesn't name; add it to `capabilities`"));
    assert!(said(&[("return tollgate.Next, nil", "return 7")]).contains("policy.go:"), "the compiler's own words");
}

#[test]
fn a_new_policy_in_typescript_builds_and_a_wrong_type_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(policy(folder.path(), &["new", "greets", "--lang", "ts"]).code, 0);
    let source = folder.path().join("greets/policy.ts");
    let whole = std::fs::read_to_string(&source).unwrap();
    let elapsed =
        "import { elapsedUs } from \"tollgate:policy/context@0.1.0\";\nexport const wrong: string = elapsedUs();\n";
    for (from, to, said) in [
        ("reply(200, ", "reply(\"200\", ", "error TS2345: Argument of type 'string' is not assignable"),
        ("request.path ===", "request.pth ===", "Property 'pth' does not exist on type 'Request'"),
        (
            "interface Configuration",
            &*[elapsed, "interface Configuration"].concat(),
            "'bigint' is not assignable to type 'string'",
        ),
    ] {
        edit(&source, &[(from, to)]);
        let built = policy(folder.path(), &["build", "greets"]);
        assert!(built.code == 2 && built.stderr.contains(said) && built.stderr.contains("policy.ts("), "{built:#?}");
        std::fs::write(&source, &whole).unwrap();
    }
    passes(&policy(folder.path(), &["test", "greets"]));
}

/// `contract/` is what its command makes of the contract as it stands, and the SDK fits it.
#[test]
fn types_of_javascript_are_generated_from_the_contract_and_the_sdk_fits_them() {
    let (sdk, made) = (root().join("sdk/js"), tempfile::tempdir().unwrap());
    let modules = tools().join("js/node_modules");
    let mut generate = Command::new("node");
    let generated = Outcome::of(generate.arg(sdk.join("generate.mjs")).args([&modules, made.path()]));
    assert_eq!(generated.code, 0, "{generated:#?}");
    for folder in ["", "interfaces"] {
        let texts = |root: &Path| -> BTreeMap<String, String> {
            let files = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
            let named = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), path);
            files
                .filter(|path| path.is_file())
                .map(named)
                .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
                .collect()
        };
        assert!(texts(&sdk.join("contract")) == texts(made.path()), "run `node sdk/js/generate.mjs`");
    }
    let mut compiler = Command::new("node");
    compiler.arg(modules.join("typescript/bin/tsc")).args(["--pretty", "false", "-p"]).arg(sdk.join("jsconfig.json"));
    let checked = Outcome::of(&mut compiler);
    assert_eq!(checked.code, 0, "{checked:#?}");
}

#[test]
fn the_first_policys_page_holds_word_for_word_in_go() {
    the_first_policys_page_holds("go");
}

#[test]
fn the_first_policys_page_holds_word_for_word_in_c() {
    the_first_policys_page_holds("c");
}

/// The page's own words, in the languages whose tools are fastest.
fn the_first_policys_page_holds(language: &str) {
    let page = std::fs::read_to_string(root().join("docs/first-policy.md")).unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let fenced = page.split("```").skip(1).step_by(2);
        fenced.filter_map(|block| Some(block.strip_prefix(language)?.strip_prefix('\n')?.to_owned())).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let follow = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[..2], ["tollgate", "policy"], "{line}");
        let done = policy(folder.path(), &words[2..]);
        assert_eq!(done.code, 0, "{line}: {done:#?}");
        done.stdout
    };
    let (shell, yaml) = (blocks("sh"), blocks("yaml"));
    let made = shell[0].replace("--lang python", &format!("--lang {language}"));
    let passed: Vec<String> = made.lines().map(follow).collect();
    let promised = &blocks("text")[0];
    for line in promised.lines().filter(|line| line.starts_with("ok ")) {
        assert!(passed[1].contains(line), "{line}: {passed:?}");
    }
    let own = folder.path().join("greets");
    edit(&own.join("policy.yaml"), &[("capabilities: []\n", &yaml[0])]);
    std::fs::write(own.join(format!("policy.{language}")), &blocks(language)[0]).unwrap();
    std::fs::write(own.join("tests/hello.yaml"), &yaml[1]).unwrap();
    assert!(follow("tollgate policy test greets").contains("1 passed, 0 failed"));
    assert!(follow(shell[1].trim()).contains(blocks("text")[1].trim()));
    std::fs::write(folder.path().join("tollgate.yaml"), &yaml[2]).unwrap();
    let mut check = Command::new(binary());
    check.args(["check", "tollgate.yaml"]).current_dir(folder.path()).env("XDG_CACHE_HOME", compile_cache());
    let checked = Outcome::of(&mut check);
    assert_eq!(checked.code, 0, "{checked:#?}");
}

/// The same policy holds the same cases, and serves.
fn signed_requests(language: &str, component: Option<&Path>) {
    let folder = format!("examples/signed-requests-{language}");
    let given = component.map(|component| component.to_str().unwrap().to_owned());
    let mut arguments = vec!["test", &folder];
    arguments.extend(given.iter().flat_map(|given| ["--component", given]));
    passes(&policy(&root(), &arguments));

    let own = root().join(&folder).join(format!("build/signed-requests-{language}.wasm"));
    let wasm = std::fs::read(component.unwrap_or(&own)).unwrap();
    let origin = Origin::start(|_| Response::new(200).body("taken"));
    let yaml = "apis: [ { id: orders, path: '', backend: '{origin}', subscription-required: false, policies: { inbound: [ \
                signed-requests: { keys: { acme: acme-key }, calls: 9, period: 60, replay: 60 } ] } } ]\n\
                components: { signed-requests: { file: ./policy.wasm, grants: { cache: true, limiter: true } } }\n";
    let gateway = Gateway::with(yaml).file("policy.wasm", wasm).origin(&origin).start();
    let signed =
        || Request::post("/orders", r#"{"order":7}"#).header("x-tenant", "acme").header("x-signature", SIGNATURE);
    assert_eq!(gateway.send(&signed()).text(), "taken");
    assert_eq!(origin.requests()[0].headers.get("x-verified"), Some("true"));
    assert!(!origin.requests()[0].headers.has("x-signature"));
    let replayed = gateway.send(&signed());
    assert_eq!((replayed.status, replayed.headers.get("content-type")), (401, Some("application/json")));
    assert_eq!(serde_json::from_str::<Value>(replayed.text()).unwrap()["error"], "replayed");
    assert_eq!(gateway.get("/orders").status, 401);
}

#[test]
fn signed_requests_in_rust_hold_their_cases_and_serve() {
    let component = binary().with_file_name("../components/examples/signed-requests-rust.wasm");
    signed_requests("rust", Some(&component));
}

#[test]
fn signed_requests_in_c_hold_their_cases_and_serve() {
    signed_requests("c", None);
}

#[test]
fn signed_requests_in_python_hold_their_cases_and_serve() {
    signed_requests("python", None);
}

#[test]
fn signed_requests_in_go_hold_their_cases_and_serve() {
    signed_requests("go", None);
}

#[test]
fn signed_requests_in_javascript_hold_their_cases_and_serve() {
    signed_requests("js", None);
}

#[test]
fn what_an_author_gets_wrong_is_one_sentence_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let outcome = policy(folder.path(), arguments);
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        outcome.stderr
    };
    assert!(said(&["build", "."]).contains("`tollgate policy new NAME --lang LANGUAGE`"));
    assert!(said(&["new", "Greets", "--lang", "c"]).contains("lower-case letters"));
    assert!(said(&["new", "rate-limit", "--lang", "c"]).contains("built-in"));
    assert_eq!(policy(folder.path(), &["new", "greets", "--lang", "c"]).code, 0);
    assert!(said(&["new", "greets", "--lang", "c"]).contains("is there already"));

    let file = folder.path().join("greets/policy.yaml");
    let whole = std::fs::read_to_string(&file).unwrap();
    for (from, to, sentence) in [
        ("phases: [on-request]", "phases: [on-requests]", "none of on-request, on-response, on-error"),
        ("phases: [on-request]", "phases: []", "`phases` names no phase"),
        ("capabilities: []", "capabilities: [clocks]", "`capabilities` has `clocks`, which is none of limiter"),
        ("source: policy.c", "source: other.c", "other.c; `source` names where"),
        ("language: c", "langage: c", "unknown field `langage`"),
    ] {
        std::fs::write(&file, whole.replace(from, to)).unwrap();
        let said = said(&["test", "greets"]);
        assert!(said.contains(sentence) && said.contains("greets/policy.yaml"), "{from}: {said}");
    }
    std::fs::write(&file, &whole).unwrap();
    std::fs::write(folder.path().join("greets/policy.c"), "int oops").unwrap();
    assert!(said(&["build", "greets"]).contains("policy.c:1:"), "the compiler's own words");
}

#[test]
fn a_missing_tool_is_told_with_the_command_that_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    for (language, command) in
        [("js", "npm install --ignore-scripts --prefix"), ("python", "pip install componentize-py==")]
    {
        assert_eq!(policy(folder.path(), &["new", language, "--lang", language]).code, 0);
        let mut bare = Command::new(binary());
        bare.args(["policy", "build", language]).current_dir(folder.path()).env_remove("VIRTUAL_ENV");
        bare.env("TOLLGATE_TOOLS", folder.path().join("none"));
        let said = Outcome::of(&mut bare);
        assert!(said.code == 2 && said.stderr.contains(command), "{said:#?}");
    }
    // An older Go is there, and tells so.
    let old = folder.path().join("old");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(folder.path().join("go.sh"), "#!/bin/sh\necho go1.19.8\n").unwrap();
    // By another process: a program that this one writes can't be started while a test beside forks with it open.
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(folder.path().join("go.sh")).arg(old.join("go"));
    assert_eq!(Outcome::of(&mut install).code, 0);
    assert_eq!(policy(folder.path(), &["new", "go", "--lang", "go"]).code, 0);
    let mut bare = Command::new(binary());
    bare.args(["policy", "build", "go"])
        .current_dir(folder.path())
        .env("PATH", format!("{}:/usr/bin:/bin", old.display()));
    let said = Outcome::of(&mut bare);
    assert!(
        said.code == 2 && said.stderr.contains("is go1.19.8, and policies are built with 1.25 or newer"),
        "{said:#?}"
    );
    assert!(said.stderr.contains("curl -fsSL https://go.dev/dl/"), "{said:#?}");
}

#[test]
fn a_proxy_component_is_refused_with_what_it_is() {
    // A component in a component, an instance of it, and that under the name that WASI HTTP servers have.
    let mut wasm = b"\0asm\x0d\0\x01\0\x04\x08\0asm\x0d\0\x01\0\x05\x04\x01\0\0\0\x0b\x26\x01\0\x20".to_vec();
    wasm.extend(b"wasi:http/incoming-handler@0.2.0\x05\0\0");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy.wasm");
    std::fs::write(&file, wasm).unwrap();
    let said = tollgate_harness::inspect(&file);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("proxy.wasm") && said.stderr.contains("HTTP server or middleware"), "{said:#?}");
}

/// Components that were built for a released contract run as they did, whatever has changed since.
#[test]
fn components_of_released_contracts_still_hold_their_cases() {
    let frozen = root().join("tests/compat/0.1.0");
    for (component, language) in [("signed-requests-rust.wasm", "rust"), ("signed-requests-c.wasm", "c")] {
        signed_requests(language, Some(&frozen.join(component)));
    }
    let origin = Origin::start(|_| Response::new(200).body("from the origin"));
    let yaml = "apis: [ { id: all, path: '', backend: '{origin}', subscription-required: false, policies: { inbound: [ greets: {} ] } } ]\n\
                components: { greets: { file: ./hello.wasm } }\n";
    let wasm = std::fs::read(frozen.join("hello-rust.wasm")).unwrap();
    let gateway = Gateway::with(yaml).file("hello.wasm", wasm).origin(&origin).start();
    assert_eq!(gateway.get("/hello").text(), "Hello from a policy!\n");
    assert_eq!(gateway.get("/else").text(), "from the origin");
}
