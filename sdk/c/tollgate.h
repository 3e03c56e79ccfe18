/*
 * Policies for the Tollgate gateway, in C.
 *
 * A policy defines `tollgate_manifest`, `tollgate_configure` and a function for each phase that its policy.yaml names.
 * Texts that functions return are valid until the phase ends, and nobody need free them. The whole contract, with every
 * capability, is in generated/policy.h.
 */
#ifndef TOLLGATE_H
#define TOLLGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generated/policy.h"

/* Bytes with a length, mostly UTF-8. `data` is NULL for what is absent. */
typedef struct tollgate_text {
  const char *data;
  size_t length;
} tollgate_text;

typedef tollgate_policy_messages_borrow_request_t tollgate_request;
typedef tollgate_policy_messages_borrow_response_t tollgate_response;
typedef tollgate_policy_verdicts_verdict_t tollgate_verdict;

/* What the gateway refused. */
typedef enum tollgate_error {
  TOLLGATE_OK = 0,
  TOLLGATE_INVALID,      /* a name or value that none may be */
  TOLLGATE_FORBIDDEN,    /* the field belongs to the gateway */
  TOLLGATE_TOO_LARGE,    /* over a limit of the statement */
  TOLLGATE_NOT_BUFFERED, /* the manifest asks for no body in this phase */
  TOLLGATE_OTHER,
} tollgate_error;

/* Why a configuration is refused: a JSON Pointer below the statement, and one lower-case sentence without a full stop. */
typedef struct tollgate_refusal {
  const char *pointer;
  const char *message;
} tollgate_refusal;

/* ---- what a policy defines ---- */

/* JSON: id, version, summary, configuration, bodies. */
extern const char *const tollgate_manifest;

/* Takes the configuration, once. The text stays valid for the life of the instance. */
bool tollgate_configure(tollgate_text configuration, tollgate_refusal *refusal);

tollgate_verdict tollgate_on_request(tollgate_request request);
tollgate_verdict tollgate_on_response(tollgate_request request, tollgate_response response);
tollgate_verdict tollgate_on_error(tollgate_request request, tollgate_response response, tollgate_text reason);

/* ---- texts ---- */

/* A text that ends with a NUL, such as a literal. */
tollgate_text tollgate_text_of(const char *text);
bool tollgate_equal(tollgate_text a, tollgate_text b);
/* As printf; valid until the phase ends. */
tollgate_text tollgate_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Bytes of hexadecimal digits; absent if they are none. */
tollgate_text tollgate_from_hex(tollgate_text digits);

/* ---- JSON ---- */

/* The value of an object's member as it is written, quotes included; absent if there is none. */
tollgate_text tollgate_json_member(tollgate_text object, tollgate_text name);
/* What a JSON text stands for; absent if the value is none. Valid for the life of the instance within `tollgate_configure`. */
tollgate_text tollgate_json_text(tollgate_text value);
/* A whole number, or `otherwise`. */
uint64_t tollgate_json_number(tollgate_text value, uint64_t otherwise);

/* ---- messages ---- */

tollgate_text tollgate_request_method(tollgate_request request);
tollgate_text tollgate_request_path(tollgate_request request);
tollgate_text tollgate_request_query(tollgate_request request);
tollgate_text tollgate_request_header(tollgate_request request, const char *name);
tollgate_error tollgate_request_set_header(tollgate_request request, const char *name, tollgate_text value);
tollgate_error tollgate_request_remove_header(tollgate_request request, const char *name);
tollgate_error tollgate_request_body(tollgate_request request, tollgate_text *body);
tollgate_error tollgate_request_set_body(tollgate_request request, tollgate_text body);

uint16_t tollgate_response_status(tollgate_response response);
bool tollgate_response_set_status(tollgate_response response, uint16_t status);
tollgate_text tollgate_response_header(tollgate_response response, const char *name);
tollgate_error tollgate_response_set_header(tollgate_response response, const char *name, tollgate_text value);
tollgate_error tollgate_response_body(tollgate_response response, tollgate_text *body);
tollgate_error tollgate_response_set_body(tollgate_response response, tollgate_text body);

/* ---- verdicts ---- */

tollgate_verdict tollgate_next(void);
tollgate_verdict tollgate_reply(uint16_t status, const char *content_type, tollgate_text body);
/* 400–599; a word, and a sentence for the client. */
tollgate_verdict tollgate_reject(uint16_t status, const char *reason, const char *message);
/* One more header of a reply or a rejection. */
void tollgate_add_header(tollgate_verdict *verdict, const char *name, tollgate_text value);

/* ---- capabilities: `capabilities` of policy.yaml names those that need a grant ---- */

void tollgate_log(tollgate_log_log_level_t level, tollgate_text message);
/* limiter: a sliding window of the statement's own. Not admitted: `retry_after_ms` says when. */
bool tollgate_admit(tollgate_text key, uint64_t calls, uint64_t period_ms, uint64_t *retry_after_ms);
/* cache */
tollgate_text tollgate_cache_value(tollgate_text key);
bool tollgate_cache_keep(tollgate_text key, tollgate_text value, uint64_t ttl_ms);
/* crypto: is `signature` the HMAC-SHA256 of `message`? */
bool tollgate_verify_hs256(tollgate_text key, tollgate_text message, tollgate_text signature);

#endif
