#include "tollgate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what lives until the phase ends ---- */

struct kept {
  struct kept *next;
  void *data;
};

static struct kept *kept;

/* Not while the policy is described or configured. */
static bool in_phase;

/* Memory of a phase is given back when it ends, that of `tollgate_configure` stays. */
static void *keep(void *data) {
  struct kept *entry = malloc(sizeof *entry);
  if (!entry) abort();
  *entry = (struct kept){.next = kept, .data = data};
  kept = entry;
  return data;
}

static void *room(size_t bytes) {
  void *data = malloc(bytes ? bytes : 1);
  if (!data) abort();
  return keep(data);
}

static void phase_begins(void) {
  in_phase = true;
  while (kept) {
    struct kept *next = kept->next;
    free(kept->data);
    free(kept);
    kept = next;
  }
}

static void configured(void) {
  while (kept) {
    struct kept *next = kept->next;
    free(kept);
    kept = next;
  }
}

static tollgate_text text_of_string(policy_string_t text) {
  if (text.len) keep(text.ptr);
  return (tollgate_text){.data = text.len ? (const char *)text.ptr : "", .length = text.len};
}

static tollgate_text text_of_list(policy_list_u8_t list) {
  return text_of_string((policy_string_t){.ptr = list.ptr, .len = list.len});
}

static policy_string_t borrowed(tollgate_text text) {
  return (policy_string_t){.ptr = (uint8_t *)text.data, .len = text.length};
}

static policy_list_u8_t borrowed_list(tollgate_text text) {
  return (policy_list_u8_t){.ptr = (uint8_t *)text.data, .len = text.length};
}

/* Verdicts are freed by the generated code, so they hold copies of their own. */
static policy_string_t copied(tollgate_text text) {
  policy_string_t copy = {.ptr = NULL, .len = text.length};
  if (text.length) {
    copy.ptr = malloc(text.length);
    if (!copy.ptr) abort();
    memcpy(copy.ptr, text.data, text.length);
  }
  return copy;
}

static const tollgate_text absent = {.data = NULL, .length = 0};

/* ---- texts ---- */

tollgate_text tollgate_text_of(const char *text) {
  return (tollgate_text){.data = text, .length = text ? strlen(text) : 0};
}

bool tollgate_equal(tollgate_text a, tollgate_text b) {
  return (a.data == NULL) == (b.data == NULL) && a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

tollgate_text tollgate_format(const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) abort();
  char *data = room((size_t)length + 1);
  vsnprintf(data, (size_t)length + 1, format, again);
  va_end(again);
  return (tollgate_text){.data = data, .length = (size_t)length};
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

tollgate_text tollgate_from_hex(tollgate_text digits) {
  if (!digits.data || digits.length % 2) return absent;
  char *data = room(digits.length / 2);
  for (size_t at = 0; at < digits.length; at += 2) {
    int high = digit_of(digits.data[at]), low = digit_of(digits.data[at + 1]);
    if (high < 0 || low < 0) return absent;
    data[at / 2] = (char)(high << 4 | low);
  }
  return (tollgate_text){.data = data, .length = digits.length / 2};
}

/* ---- JSON: the gateway has checked that it is some ---- */

static size_t skip_space(tollgate_text text, size_t at) {
  while (at < text.length && strchr(" \t\r\n", text.data[at]) && text.data[at]) at++;
  return at;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(tollgate_text text, size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < text.length; at++) {
    char c = text.data[at];
    if (quoted) {
      if (c == '\\') at++;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      depth--;
    } else if (c == ',' || c == ':') {
      if (depth == 0) return at;
    }
  }
  return at;
}

static tollgate_text trimmed(tollgate_text text, size_t from, size_t to) {
  while (to > from && strchr(" \t\r\n", text.data[to - 1])) to--;
  return (tollgate_text){.data = text.data + from, .length = to - from};
}

tollgate_text tollgate_json_member(tollgate_text object, tollgate_text name) {
  if (!object.data) return absent;
  size_t at = skip_space(object, 0);
  if (at >= object.length || object.data[at] != '{') return absent;
  while (at < object.length && object.data[at] != '}') {
    size_t key = skip_space(object, at + 1), colon = skip_value(object, key);
    if (colon >= object.length || object.data[colon] != ':') return absent;
    size_t value = skip_space(object, colon + 1), end = skip_value(object, value);
    if (tollgate_equal(tollgate_json_text(trimmed(object, key, colon)), name)) return trimmed(object, value, end);
    at = end;
  }
  return absent;
}

static size_t put_utf8(char *to, unsigned code) {
  if (code < 0x80) return to[0] = (char)code, 1;
  if (code < 0x800) return to[0] = (char)(0xc0 | code >> 6), to[1] = (char)(0x80 | (code & 0x3f)), 2;
  if (code < 0x10000) {
    to[0] = (char)(0xe0 | code >> 12), to[1] = (char)(0x80 | (code >> 6 & 0x3f)), to[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  to[0] = (char)(0xf0 | code >> 18), to[1] = (char)(0x80 | (code >> 12 & 0x3f));
  to[2] = (char)(0x80 | (code >> 6 & 0x3f)), to[3] = (char)(0x80 | (code & 0x3f));
  return 4;
}

static bool four_digits(tollgate_text text, size_t at, unsigned *code) {
  *code = 0;
  for (size_t i = 0; i < 4; i++) {
    int digit = at + i < text.length ? digit_of(text.data[at + i]) : -1;
    if (digit < 0) return false;
    *code = *code << 4 | (unsigned)digit;
  }
  return true;
}

tollgate_text tollgate_json_text(tollgate_text value) {
  if (!value.data || value.length < 2 || value.data[0] != '"') return absent;
  char *data = room(value.length + 1);
  size_t length = 0;
  for (size_t at = 1; at + 1 < value.length; at++) {
    char c = value.data[at];
    if (c != '\\') {
      data[length++] = c;
      continue;
    }
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    c = value.data[++at];
    const char *found = c ? strchr(escapes, c) : NULL;
    if (found) {
      data[length++] = meanings[found - escapes];
      continue;
    }
    unsigned code, low;
    if (c != 'u' || !four_digits(value, at + 1, &code)) return absent;
    at += 4;
    bool pair = code >= 0xd800 && code < 0xdc00 && at + 2 < value.length && value.data[at + 2] == 'u';
    if (pair && four_digits(value, at + 3, &low) && low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
    length += put_utf8(data + length, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
  }
  data[length] = 0;
  return (tollgate_text){.data = data, .length = length};
}

uint64_t tollgate_json_number(tollgate_text value, uint64_t otherwise) {
  uint64_t number = 0;
  if (!value.data || !value.length) return otherwise;
  for (size_t at = 0; at < value.length; at++) {
    if (value.data[at] < '0' || value.data[at] > '9' || number > (UINT64_MAX - 9) / 10) return otherwise;
    number = number * 10 + (uint64_t)(value.data[at] - '0');
  }
  return number;
}

/* ---- messages ---- */

static tollgate_error header_error(bool done, tollgate_policy_messages_header_error_t *error) {
  if (done) return TOLLGATE_OK;
  switch (error->tag) {
    case TOLLGATE_POLICY_MESSAGES_HEADER_ERROR_INVALID_NAME:
    case TOLLGATE_POLICY_MESSAGES_HEADER_ERROR_INVALID_VALUE: return TOLLGATE_INVALID;
    case TOLLGATE_POLICY_MESSAGES_HEADER_ERROR_FORBIDDEN: return TOLLGATE_FORBIDDEN;
    case TOLLGATE_POLICY_MESSAGES_HEADER_ERROR_TOO_LARGE: return TOLLGATE_TOO_LARGE;
  }
  tollgate_policy_messages_header_error_free(error);
  return TOLLGATE_OTHER;
}

static tollgate_error body_error(bool done, tollgate_policy_messages_body_error_t *error) {
  if (done) return TOLLGATE_OK;
  switch (error->tag) {
    case TOLLGATE_POLICY_MESSAGES_BODY_ERROR_NOT_BUFFERED: return TOLLGATE_NOT_BUFFERED;
    case TOLLGATE_POLICY_MESSAGES_BODY_ERROR_TOO_LARGE: return TOLLGATE_TOO_LARGE;
  }
  tollgate_policy_messages_body_error_free(error);
  return TOLLGATE_OTHER;
}

tollgate_text tollgate_request_method(tollgate_request request) {
  policy_string_t text;
  tollgate_policy_messages_method_request_method(request, &text);
  return text_of_string(text);
}

tollgate_text tollgate_request_path(tollgate_request request) {
  policy_string_t text;
  tollgate_policy_messages_method_request_path(request, &text);
  return text_of_string(text);
}

tollgate_text tollgate_request_query(tollgate_request request) {
  policy_string_t text;
  return tollgate_policy_messages_method_request_query(request, &text) ? text_of_string(text) : absent;
}

tollgate_text tollgate_request_header(tollgate_request request, const char *name) {
  policy_string_t named = borrowed(tollgate_text_of(name));
  policy_list_u8_t value;
  return tollgate_policy_messages_method_request_header(request, &named, &value) ? text_of_list(value) : absent;
}

tollgate_error tollgate_request_set_header(tollgate_request request, const char *name, tollgate_text value) {
  policy_string_t named = borrowed(tollgate_text_of(name));
  policy_list_u8_t bytes = borrowed_list(value);
  tollgate_policy_messages_header_error_t error;
  return header_error(tollgate_policy_messages_method_request_set_header(request, &named, &bytes, &error), &error);
}

tollgate_error tollgate_request_remove_header(tollgate_request request, const char *name) {
  policy_string_t named = borrowed(tollgate_text_of(name));
  tollgate_policy_messages_header_error_t error;
  return header_error(tollgate_policy_messages_method_request_remove_header(request, &named, &error), &error);
}

tollgate_error tollgate_request_body(tollgate_request request, tollgate_text *body) {
  policy_list_u8_t bytes;
  tollgate_policy_messages_body_error_t error;
  bool done = tollgate_policy_messages_method_request_body(request, &bytes, &error);
  *body = done ? text_of_list(bytes) : absent;
  return body_error(done, &error);
}

tollgate_error tollgate_request_set_body(tollgate_request request, tollgate_text body) {
  policy_list_u8_t bytes = borrowed_list(body);
  tollgate_policy_messages_body_error_t error;
  return body_error(tollgate_policy_messages_method_request_set_body(request, &bytes, &error), &error);
}

uint16_t tollgate_response_status(tollgate_response response) {
  return tollgate_policy_messages_method_response_status(response);
}

bool tollgate_response_set_status(tollgate_response response, uint16_t status) {
  return tollgate_policy_messages_method_response_set_status(response, status);
}

tollgate_text tollgate_response_header(tollgate_response response, const char *name) {
  policy_string_t named = borrowed(tollgate_text_of(name));
  policy_list_u8_t value;
  return tollgate_policy_messages_method_response_header(response, &named, &value) ? text_of_list(value) : absent;
}

tollgate_error tollgate_response_set_header(tollgate_response response, const char *name, tollgate_text value) {
  policy_string_t named = borrowed(tollgate_text_of(name));
  policy_list_u8_t bytes = borrowed_list(value);
  tollgate_policy_messages_header_error_t error;
  return header_error(tollgate_policy_messages_method_response_set_header(response, &named, &bytes, &error), &error);
}

tollgate_error tollgate_response_body(tollgate_response response, tollgate_text *body) {
  policy_list_u8_t bytes;
  tollgate_policy_messages_body_error_t error;
  bool done = tollgate_policy_messages_method_response_body(response, &bytes, &error);
  *body = done ? text_of_list(bytes) : absent;
  return body_error(done, &error);
}

tollgate_error tollgate_response_set_body(tollgate_response response, tollgate_text body) {
  policy_list_u8_t bytes = borrowed_list(body);
  tollgate_policy_messages_body_error_t error;
  return body_error(tollgate_policy_messages_method_response_set_body(response, &bytes, &error), &error);
}

/* ---- verdicts ---- */

tollgate_verdict tollgate_next(void) {
  return (tollgate_verdict){.tag = TOLLGATE_POLICY_VERDICTS_VERDICT_NEXT};
}

tollgate_verdict tollgate_reply(uint16_t status, const char *content_type, tollgate_text body) {
  policy_string_t bytes = copied(body);
  tollgate_verdict verdict = {.tag = TOLLGATE_POLICY_VERDICTS_VERDICT_RESPOND};
  verdict.val.respond.tag = TOLLGATE_POLICY_VERDICTS_REPLY_INLINE;
  verdict.val.respond.val.inline_ = (tollgate_policy_verdicts_inline_reply_t){
      .status = status, .reason = {.is_some = false}, .headers = {.ptr = NULL, .len = 0}, .body = {bytes.ptr, bytes.len}};
  if (content_type) tollgate_add_header(&verdict, "content-type", tollgate_text_of(content_type));
  return verdict;
}

tollgate_verdict tollgate_reject(uint16_t status, const char *reason, const char *message) {
  tollgate_verdict verdict = {.tag = TOLLGATE_POLICY_VERDICTS_VERDICT_REJECT};
  verdict.val.reject = (tollgate_policy_verdicts_failure_t){
      .status = status,
      .reason = copied(tollgate_text_of(reason)),
      .message = copied(tollgate_text_of(message)),
      .headers = {.ptr = NULL, .len = 0}};
  return verdict;
}

void tollgate_add_header(tollgate_verdict *verdict, const char *name, tollgate_text value) {
  tollgate_policy_verdicts_list_field_t *headers;
  switch (verdict->tag) {
    case TOLLGATE_POLICY_VERDICTS_VERDICT_RESPOND: headers = &verdict->val.respond.val.inline_.headers; break;
    case TOLLGATE_POLICY_VERDICTS_VERDICT_REJECT: headers = &verdict->val.reject.headers; break;
    default: return;
  }
  tollgate_policy_messages_field_t *fields = realloc(headers->ptr, (headers->len + 1) * sizeof *fields);
  if (!fields) abort();
  policy_string_t bytes = copied(value);
  fields[headers->len] = (tollgate_policy_messages_field_t){
      .name = copied(tollgate_text_of(name)), .value = {.ptr = bytes.ptr, .len = bytes.len}};
  headers->ptr = fields;
  headers->len++;
}

/* ---- capabilities ---- */

void tollgate_log(tollgate_log_log_level_t level, tollgate_text message) {
  policy_string_t text = borrowed(message);
  tollgate_log_log_write(level, &text);
}

bool tollgate_admit(tollgate_text key, uint64_t calls, uint64_t period_ms, uint64_t *retry_after_ms) {
  tollgate_limiter_limiter_counter_t counter = {.sharing = TOLLGATE_LIMITER_LIMITER_SHARING_STATEMENT,
                                                .key = borrowed(key)};
  tollgate_limiter_limiter_rule_t rule = {.tag = TOLLGATE_LIMITER_LIMITER_RULE_SLIDING_WINDOW};
  rule.val.sliding_window = (tollgate_limiter_limiter_sliding_window_t){.calls = calls, .period_ms = period_ms};
  tollgate_limiter_limiter_decision_t decision;
  tollgate_limiter_limiter_limiter_error_t error;
  if (!tollgate_limiter_limiter_admit(&counter, 1, &rule, &decision, &error)) {
    tollgate_limiter_limiter_limiter_error_free(&error);
    *retry_after_ms = period_ms;
    return false;
  }
  *retry_after_ms = decision.retry_after_ms;
  return decision.admitted;
}

tollgate_text tollgate_cache_value(tollgate_text key) {
  policy_string_t named = borrowed(key);
  policy_option_list_u8_t value;
  tollgate_cache_cache_cache_error_t error;
  if (!tollgate_cache_cache_get(&named, &value, &error)) {
    tollgate_cache_cache_cache_error_free(&error);
    return absent;
  }
  return value.is_some ? text_of_list(value.val) : absent;
}

bool tollgate_cache_keep(tollgate_text key, tollgate_text value, uint64_t ttl_ms) {
  policy_string_t named = borrowed(key);
  policy_list_u8_t bytes = borrowed_list(value);
  tollgate_cache_cache_cache_error_t error;
  bool done = tollgate_cache_cache_put(&named, &bytes, ttl_ms, &error);
  if (!done) tollgate_cache_cache_cache_error_free(&error);
  return done;
}

bool tollgate_verify_hs256(tollgate_text key, tollgate_text message, tollgate_text signature) {
  tollgate_crypto_crypto_key_t secret = {.tag = TOLLGATE_CRYPTO_CRYPTO_KEY_SECRET};
  secret.val.secret = borrowed_list(key);
  policy_list_u8_t text = borrowed_list(message), signed_as = borrowed_list(signature);
  tollgate_crypto_crypto_crypto_error_t error;
  bool holds = false;
  if (!tollgate_crypto_crypto_verify(TOLLGATE_CRYPTO_CRYPTO_ALGORITHM_HS256, &secret, &text, &signed_as, &holds, &error)) {
    tollgate_crypto_crypto_crypto_error_free(&error);
    return false;
  }
  return holds;
}

/* ---- what wasi-libc asks of a system: printf becomes lines of the log, and there are no files unless policy.yaml names them ---- */

#ifndef TOLLGATE_FILES

struct part {
  const char *data;
  size_t length;
};

int32_t __imported_wasi_snapshot_preview1_fd_write(int32_t file, int32_t parts, int32_t count, int32_t written) {
  const struct part *part = (const struct part *)(uintptr_t)parts;
  size_t total = 0;
  for (int32_t at = 0; at < count; at++) {
    total += part[at].length;
    /* Capabilities may not be called while the policy is described or configured. */
    if (in_phase && part[at].length) {
      tollgate_text text = {.data = part[at].data, .length = part[at].length};
      tollgate_log(file == 2 ? TOLLGATE_LOG_LOG_LEVEL_WARN : TOLLGATE_LOG_LOG_LEVEL_INFO, text);
    }
  }
  *(size_t *)(uintptr_t)written = total;
  return 0;
}

int32_t __imported_wasi_snapshot_preview1_fd_close(int32_t file) {
  (void)file;
  return 8; /* EBADF */
}

int32_t __imported_wasi_snapshot_preview1_fd_seek(int32_t file, int64_t offset, int32_t whence, int32_t at) {
  (void)file, (void)offset, (void)whence, (void)at;
  return 70; /* ESPIPE */
}

int32_t __imported_wasi_snapshot_preview1_fd_fdstat_get(int32_t file, int32_t facts) {
  /* A character device, so that a line is written when it ends. */
  memset((void *)(uintptr_t)facts, 0, 24);
  *(uint8_t *)(uintptr_t)facts = 2;
  return file <= 2 ? 0 : 8;
}

#endif

/* ---- what the component exports ---- */

void exports_tollgate_policy_lifecycle_describe(policy_string_t *manifest) {
  *manifest = copied(tollgate_text_of(tollgate_manifest));
}

bool exports_tollgate_policy_lifecycle_configure(policy_string_t *configuration,
                                                 exports_tollgate_policy_lifecycle_config_error_t *error) {
  tollgate_refusal refusal = {.pointer = "", .message = "the policy doesn't take it"};
  tollgate_text text = {.data = (const char *)configuration->ptr, .length = configuration->len};
  bool taken = tollgate_configure(text, &refusal);
  if (!taken) {
    error->pointer = copied(tollgate_text_of(refusal.pointer));
    error->message = copied(tollgate_text_of(refusal.message));
  }
  configured();
  return taken;
}

#ifdef TOLLGATE_ON_REQUEST
void exports_tollgate_policy_on_request_on_request(tollgate_request request, tollgate_verdict *verdict) {
  phase_begins();
  *verdict = tollgate_on_request(request);
  tollgate_policy_messages_request_drop_borrow(request);
}
#endif

#ifdef TOLLGATE_ON_RESPONSE
void exports_tollgate_policy_on_response_on_response(tollgate_request request, tollgate_response response,
                                                     tollgate_verdict *verdict) {
  phase_begins();
  *verdict = tollgate_on_response(request, response);
  tollgate_policy_messages_request_drop_borrow(request);
  tollgate_policy_messages_response_drop_borrow(response);
}
#endif

#ifdef TOLLGATE_ON_ERROR
void exports_tollgate_policy_on_error_on_error(tollgate_request request, tollgate_response response,
                                               exports_tollgate_policy_on_error_last_error_t *error,
                                               tollgate_verdict *verdict) {
  phase_begins();
  tollgate_text reason = {.data = (const char *)error->reason.ptr, .length = error->reason.len};
  *verdict = tollgate_on_error(request, response, reason);
  tollgate_policy_messages_request_drop_borrow(request);
  tollgate_policy_messages_response_drop_borrow(response);
}
#endif
