#include "tollgate.h"

/* Greets whoever asks for /hello, and lets every other request pass. */

const char *const tollgate_manifest =
    "{ \"id\": \"{{name}}\", \"version\": \"0.1.0\", \"summary\": \"Greets whoever asks for /hello.\","
    "  \"configuration\": { \"type\": \"object\", \"additionalProperties\": false,"
    "    \"properties\": { \"greeting\": { \"type\": \"string\", \"default\": \"Hello\" } } } }";

static tollgate_text greeting;

bool tollgate_configure(tollgate_text configuration, tollgate_refusal *refusal) {
  greeting = tollgate_json_text(tollgate_json_member(configuration, tollgate_text_of("greeting")));
  if (!greeting.data) greeting = tollgate_text_of("Hello");
  return true;
}

tollgate_verdict tollgate_on_request(tollgate_request request) {
  if (!tollgate_equal(tollgate_request_path(request), tollgate_text_of("/hello"))) return tollgate_next();
  return tollgate_reply(200, "text/plain", tollgate_format("%s from a policy!\n", greeting.data));
}
