//! `validate-parameters`: a request's path, query and headers are held against what the operation has.

use super::*;

const OPERATIONS: &str = "[ { id: list, method: GET, url: '/{tenant}/orders', parameters: { \
    path: [ { name: tenant, schema: { type: string, pattern: '^[a-z]+$' } } ], \
    query: [ { name: limit, schema: { type: integer, minimum: 1, maximum: 100 } }, \
             { name: ids, schema: { type: array, items: { type: integer } } } ], \
    header: [ { name: X-Plan, required: true, schema: { enum: [ gold, silver ] } } ] } } ]";

/// A gateway whose responses tell in `x-errors` what was recorded.
fn validating(config: &str) -> Served<Origin> {
    let statement = format!("validate-parameters: {{ errors-variable-name: errors, {config} }}");
    let tell = "set-header: { name: x-errors, value: \"${variables.errors}\" }";
    let sections = format!("inbound: [ {{ {statement} }} ]\noutbound: [ {{ {tell} }} ]\non-error: [ {{ {tell} }} ]");
    serve(&api_with_operations(&sections, OPERATIONS), hello())
}

const STRICT: &str = "specified-parameter-action: prevent, unspecified-parameter-action: prevent";

fn get(target: &str) -> Request {
    Request::get(target).header("x-plan", "gold")
}

/// Type, name, rule and action of each error.
#[track_caller]
fn errors(response: &Response) -> Vec<String> {
    let text = response.headers.get("x-errors").unwrap_or_default();
    let errors: Vec<Value> = if text.is_empty() { Vec::new() } else { serde_json::from_str(text).unwrap() };
    let told =
        |error: &Value| ["Type", "Name", "ValidationRule", "Action"].map(|key| error[key].as_str().unwrap().to_owned());
    errors.iter().map(|error| told(error).join(" ")).collect()
}

#[test]
fn what_is_as_the_operation_has_it_passes() {
    let gateway = validating(STRICT);
    for target in ["/acme/orders", "/acme/orders?limit=100", "/acme/orders?ids=1,2", "/acme/orders?ids=1&ids=2"] {
        let response = gateway.send(&get(target));
        assert_eq!((response.status, errors(&response)), (200, Vec::new()), "{target}");
    }
}

#[test]
fn what_is_not_is_refused_and_recorded() {
    let gateway = validating(STRICT);
    for (target, error) in [
        ("/ACME/orders", "PathParameter tenant IncorrectMessage prevent"),
        ("/acme/orders?limit=0", "QueryParameter limit IncorrectMessage prevent"),
        ("/acme/orders?limit=many", "QueryParameter limit IncorrectMessage prevent"),
        ("/acme/orders?limit=1&limit=2", "QueryParameter limit IncorrectMessage prevent"),
        ("/acme/orders?ids=1,x", "QueryParameter ids IncorrectMessage prevent"),
        ("/acme/orders?Limit=1", "QueryParameter Limit Unspecified prevent"),
    ] {
        let response = gateway.send(&get(target));
        assert_eq!((response.status, errors(&response)), (400, vec![error.to_owned()]), "{target}");
    }
    assert_eq!(logged_error(&gateway, 6), ("validate-parameters".to_owned(), "BadRequest".to_owned()));
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn the_client_is_told_what_is_wrong_without_its_value() {
    let gateway = validating(STRICT);
    let message = "Value of the query parameter limit cannot be parsed according to the definition.";
    assert_error(&gateway.send(&get("/acme/orders?limit=secret")), 400, message);
    assert_error(&gateway.get("/acme/orders"), 400, "Required header x-plan is missing.");
}

#[test]
fn headers_that_are_described_elsewhere_are_fine_unless_they_are_listed() {
    let request = get("/acme/orders").header("accept", "*/*").header("authorization", "Basic eA==");
    assert_eq!(validating(STRICT).send(&request).status, 200);
    let listed = format!("{STRICT}, headers: {{ parameters: [ {{ name: Authorization, action: prevent }} ] }}");
    assert_eq!(errors(&validating(&listed).send(&request)), ["RequestHeader authorization Unspecified prevent"]);
    let more = get("/acme/orders").header("x-more", "1");
    assert_eq!(errors(&validating(STRICT).send(&more)), ["RequestHeader x-more Unspecified prevent"]);
}

#[test]
fn detect_records_and_lets_pass() {
    let config = "specified-parameter-action: detect, unspecified-parameter-action: ignore";
    let response = validating(config).send(&get("/acme/orders?limit=0&page=1"));
    assert_eq!(response.text(), "hello");
    assert_eq!(errors(&response), ["QueryParameter limit IncorrectMessage detect"]);
}

#[test]
fn the_narrower_action_wins() {
    let config = format!(
        "{STRICT}, query: {{ specified-parameter-action: detect, parameters: [ {{ name: page, action: ignore }} ] }}, \
         path: {{ specified-parameter-action: ignore }}"
    );
    let gateway = validating(&config);
    let response = gateway.send(&get("/ACME/orders?limit=0&page=1"));
    assert_eq!((response.status, errors(&response).len()), (200, 1));
    assert_eq!(gateway.send(&get("/acme/orders?other=1")).status, 400);
}

#[test]
fn an_action_may_be_an_expression() {
    let config = "specified-parameter-action: \"${request.headers['x-plan'] == 'gold' ? 'detect' : 'prevent'}\", \
                  unspecified-parameter-action: ignore";
    let gateway = validating(config);
    assert_eq!(gateway.send(&get("/acme/orders?limit=0")).status, 200);
    assert_eq!(gateway.send(&Request::get("/acme/orders?limit=0").header("x-plan", "silver")).status, 400);
}

#[test]
fn without_operations_everything_is_unspecified() {
    let yaml = open_api(&format!("inbound: [ {{ validate-parameters: {{ {STRICT} }} }} ]"));
    assert_error(&serve(&yaml, hello()).get("/?page=1"), 400, "Unspecified query parameter page is not allowed.");
}

/// Passes what fits this schema as the query parameter `a`.
fn passes(schema: &str, query: &str) -> bool {
    let operations = format!(
        "[ {{ id: list, method: GET, url: '/', parameters: {{ query: [ {{ name: a, schema: {schema} }} ] }} }} ]"
    );
    let statement =
        "validate-parameters: { specified-parameter-action: prevent, unspecified-parameter-action: ignore }";
    let yaml = api_with_operations(&format!("inbound: [ {{ {statement} }} ]"), &operations);
    match serve(&yaml, hello()).get(&format!("/?{query}")).status {
        200 => true,
        400 => false,
        status => panic!("{status} for {query}"),
    }
}

#[test]
fn values_are_read_as_their_schemas_type_says() {
    for (schema, good, bad) in [
        ("{ type: integer }", &["a=7", "a=-7"][..], &["a=7.5", "a=x", "a=", "a=true"][..]),
        ("{ type: number }", &["a=7", "a=7.5", "a=-1e3"], &["a=x", "a="]),
        ("{ type: boolean }", &["a=true", "a=false"], &["a=True", "a=1", "a="]),
        ("{ type: string, minLength: 1 }", &["a=7", "a=%20"], &["a="]),
        ("{ type: 'null' }", &["a="], &["a=x"]),
        ("{ type: array, items: { type: integer }, maxItems: 2 }", &["a=1", "a=1,2", "a=1&a=2"], &["a=1,x", "a=1,2,3"]),
        ("{ type: integer, nullable: true }", &["a=7", "a="], &["a=x"]),
        ("{ enum: [ gold, silver ] }", &["a=gold"], &["a=Gold"]),
        ("{ type: string, format: date }", &["a=2026-02-28"], &["a=2026-02-30"]),
        ("{ type: string, format: ipv4 }", &["a=192.0.2.7"], &["a=192.0.2"]),
        ("{ type: string, format: uuid }", &["a=2dae6759-5359-ed35-9764-21769e350dda"], &["a=2dae"]),
        (
            "{ type: string, pattern: '^(a+)+$' }",
            &["a=aaaa"],
            &["a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"],
        ),
    ] {
        for query in good {
            assert!(passes(schema, query), "{query} is {schema}");
        }
        for query in bad {
            assert!(!passes(schema, query), "{query} is not {schema}");
        }
    }
}

#[test]
fn a_query_parameters_name_is_exact_and_decoded_and_a_headers_in_any_case() {
    let gateway = validating(STRICT);
    assert_eq!(gateway.send(&get("/acme/orders?l%69mit=7")).status, 200);
    assert_eq!(gateway.send(&get("/acme/orders?l%69mit=0")).status, 400);
    assert_eq!(gateway.send(&Request::get("/acme/orders").header("X-PLAN", "silver")).status, 200);
    let response = gateway.send(&Request::get("/acme/orders").header("X-PLAN", "none"));
    assert_eq!(errors(&response), ["RequestHeader x-plan IncorrectMessage prevent"]);
}

#[test]
fn a_header_that_is_no_list_may_occur_only_once() {
    let gateway = validating(STRICT);
    let response = gateway.send(&get("/acme/orders").header("x-plan", "silver"));
    assert_eq!(errors(&response), ["RequestHeader x-plan IncorrectMessage prevent"]);
    assert_error(&response, 400, "The header x-plan cannot have several values.");
}

#[test]
fn without_errors_the_variable_is_not_set() {
    let sections = format!(
        "inbound: [ {{ validate-parameters: {{ {STRICT}, errors-variable-name: errors }} }} ]\n\
         outbound: [ {{ set-header: {{ name: x-none, value: \"${{'errors' in variables}}\" }} }} ]"
    );
    let gateway = serve(&api_with_operations(&sections, OPERATIONS), hello());
    assert_eq!(gateway.send(&get("/acme/orders")).headers.all("x-none"), ["false"]);
}

#[test]
fn all_errors_are_recorded_and_the_first_that_is_prevented_is_told() {
    let config = "specified-parameter-action: detect, unspecified-parameter-action: prevent";
    let response = validating(config).send(&Request::get("/ACME/orders?limit=0&page=1&more=2"));
    assert_error(&response, 400, "Unspecified query parameter page is not allowed.");
    let mut found = errors(&response);
    found.sort();
    assert_eq!(
        found,
        [
            "PathParameter tenant IncorrectMessage detect",
            "QueryParameter limit IncorrectMessage detect",
            "QueryParameter more Unspecified prevent",
            "QueryParameter page Unspecified prevent",
            "RequestHeader x-plan IncorrectMessage detect",
        ]
    );
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for (statement, words) in [
        ("validate-parameters: §{ specified-parameter-action: ignore }".to_owned(), "unspecified-parameter-action"),
        (
            "validate-parameters: { specified-parameter-action: §refuse, unspecified-parameter-action: ignore }".into(),
            "prevent",
        ),
        (
            format!(
                "validate-parameters: {{ {STRICT}, query: {{ parameters: [ {{ name: a, action: ignore }}, \
                 {{ name: §a, action: ignore }} ] }} }}"
            ),
            "in the list already",
        ),
    ] {
        refused("inbound", &[(&statement, words)]);
    }
    let statement = format!("§validate-parameters: {{ {STRICT} }}");
    refused("outbound", &[(&statement, "can't stand in the section `outbound`")]);
}
