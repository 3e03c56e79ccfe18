#include "tollgate.h"

/* Lets only requests pass that their tenant has signed, each once, and so many in a period. */

const char *const tollgate_manifest =
    "{ \"id\": \"signed-requests\", \"version\": \"0.1.0\","
    "  \"summary\": \"Lets only requests pass that their tenant has signed.\","
    "  \"configuration\": {"
    "    \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"keys\", \"calls\", \"period\", \"replay\"],"
    "    \"properties\": {"
    "      \"keys\": { \"type\": \"object\", \"additionalProperties\": { \"type\": \"string\", \"pattern\": \"^[^\\\"]*$\" } },"
    "      \"calls\": { \"type\": \"integer\", \"minimum\": 1 },"
    "      \"period\": { \"type\": \"integer\", \"minimum\": 1 },"
    "      \"replay\": { \"type\": \"integer\", \"minimum\": 1 } } },"
    "  \"bodies\": { \"on-request\": { \"buffer\": { \"max-bytes\": 65536 } } },"
    "  \"rejections\": [{ \"status\": 429, \"reason\": \"TenantLimit\" }] }";

static tollgate_text keys;
static uint64_t calls, period_ms, replay_ms;

static tollgate_text member(tollgate_text object, const char *name) {
  return tollgate_json_member(object, tollgate_text_of(name));
}

bool tollgate_configure(tollgate_text configuration, tollgate_refusal *refusal) {
  keys = member(configuration, "keys");
  calls = tollgate_json_number(member(configuration, "calls"), 1);
  period_ms = tollgate_json_number(member(configuration, "period"), 1) * 1000;
  replay_ms = tollgate_json_number(member(configuration, "replay"), 1) * 1000;
  for (size_t at = 0; at + 2 < keys.length; at++) {
    /* A value that is an empty text: no key may be signed with. */
    if (keys.data[at] == ':' && keys.data[at + 1] == '"' && keys.data[at + 2] == '"') {
      *refusal = (tollgate_refusal){.pointer = "/keys", .message = "the key of a tenant is empty"};
      return false;
    }
  }
  return true;
}

static tollgate_verdict unauthorized(const char *error) {
  tollgate_verdict verdict = tollgate_reply(401, "application/json", tollgate_format("{\"error\":\"%s\"}", error));
  tollgate_add_header(&verdict, "www-authenticate", tollgate_text_of("Signature"));
  return verdict;
}

tollgate_verdict tollgate_on_request(tollgate_request request) {
  tollgate_text tenant = tollgate_request_header(request, "x-tenant");
  tollgate_text key = tollgate_json_text(tollgate_json_member(keys, tenant));
  if (!tenant.data || !key.data) return unauthorized("unknown tenant");

  tollgate_text digits = tollgate_request_header(request, "x-signature"), body;
  tollgate_text signature = tollgate_from_hex(digits);
  if (tollgate_request_body(request, &body) != TOLLGATE_OK) return unauthorized("bad signature");
  if (!signature.data || !tollgate_verify_hs256(key, body, signature)) return unauthorized("bad signature");

  tollgate_text seen = tollgate_format("%.*s/%.*s", (int)tenant.length, tenant.data, (int)digits.length, digits.data);
  if (tollgate_cache_value(seen).data) return unauthorized("replayed");

  uint64_t retry_after_ms;
  if (!tollgate_admit(tenant, calls, period_ms, &retry_after_ms)) {
    tollgate_verdict verdict = tollgate_reject(429, "TenantLimit", "Too many requests of this tenant.");
    tollgate_add_header(&verdict, "retry-after", tollgate_format("%llu", (retry_after_ms + 999) / 1000));
    return verdict;
  }

  tollgate_cache_keep(seen, tollgate_text_of("1"), replay_ms);
  tollgate_request_set_header(request, "x-verified", tollgate_text_of("true"));
  tollgate_request_remove_header(request, "x-signature");
  return tollgate_next();
}
