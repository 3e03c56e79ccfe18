/// <reference path="./interfaces/tollgate-backend-backend.d.ts" />
/// <reference path="./interfaces/tollgate-cache-cache.d.ts" />
/// <reference path="./interfaces/tollgate-clock-clock.d.ts" />
/// <reference path="./interfaces/tollgate-crypto-crypto.d.ts" />
/// <reference path="./interfaces/tollgate-events-events.d.ts" />
/// <reference path="./interfaces/tollgate-expression-expression.d.ts" />
/// <reference path="./interfaces/tollgate-http-client-http-client.d.ts" />
/// <reference path="./interfaces/tollgate-limiter-limiter.d.ts" />
/// <reference path="./interfaces/tollgate-log-log.d.ts" />
/// <reference path="./interfaces/tollgate-metrics-metrics.d.ts" />
/// <reference path="./interfaces/tollgate-policy-body-gate.d.ts" />
/// <reference path="./interfaces/tollgate-policy-context.d.ts" />
/// <reference path="./interfaces/tollgate-policy-lifecycle.d.ts" />
/// <reference path="./interfaces/tollgate-policy-messages.d.ts" />
/// <reference path="./interfaces/tollgate-policy-on-error.d.ts" />
/// <reference path="./interfaces/tollgate-policy-on-request.d.ts" />
/// <reference path="./interfaces/tollgate-policy-on-response.d.ts" />
/// <reference path="./interfaces/tollgate-policy-variables.d.ts" />
/// <reference path="./interfaces/tollgate-policy-verdicts.d.ts" />
declare module 'tollgate:gateway/policy@0.1.0' {
  export type * as TollgateBackendBackend010 from 'tollgate:backend/backend@0.1.0'; // import tollgate:backend/backend@0.1.0
  export type * as TollgateCacheCache010 from 'tollgate:cache/cache@0.1.0'; // import tollgate:cache/cache@0.1.0
  export type * as TollgateClockClock010 from 'tollgate:clock/clock@0.1.0'; // import tollgate:clock/clock@0.1.0
  export type * as TollgateCryptoCrypto010 from 'tollgate:crypto/crypto@0.1.0'; // import tollgate:crypto/crypto@0.1.0
  export type * as TollgateEventsEvents010 from 'tollgate:events/events@0.1.0'; // import tollgate:events/events@0.1.0
  export type * as TollgateExpressionExpression010 from 'tollgate:expression/expression@0.1.0'; // import tollgate:expression/expression@0.1.0
  export type * as TollgateHttpClientHttpClient010 from 'tollgate:http-client/http-client@0.1.0'; // import tollgate:http-client/http-client@0.1.0
  export type * as TollgateLimiterLimiter010 from 'tollgate:limiter/limiter@0.1.0'; // import tollgate:limiter/limiter@0.1.0
  export type * as TollgateLogLog010 from 'tollgate:log/log@0.1.0'; // import tollgate:log/log@0.1.0
  export type * as TollgateMetricsMetrics010 from 'tollgate:metrics/metrics@0.1.0'; // import tollgate:metrics/metrics@0.1.0
  export type * as TollgatePolicyContext010 from 'tollgate:policy/context@0.1.0'; // import tollgate:policy/context@0.1.0
  export type * as TollgatePolicyMessages010 from 'tollgate:policy/messages@0.1.0'; // import tollgate:policy/messages@0.1.0
  export type * as TollgatePolicyVariables010 from 'tollgate:policy/variables@0.1.0'; // import tollgate:policy/variables@0.1.0
  export type * as TollgatePolicyVerdicts010 from 'tollgate:policy/verdicts@0.1.0'; // import tollgate:policy/verdicts@0.1.0
  export * as onRequest from 'tollgate:policy/on-request@0.1.0'; // export tollgate:policy/on-request@0.1.0
  export * as lifecycle from 'tollgate:policy/lifecycle@0.1.0'; // export tollgate:policy/lifecycle@0.1.0
  export * as onResponse from 'tollgate:policy/on-response@0.1.0'; // export tollgate:policy/on-response@0.1.0
  export * as onError from 'tollgate:policy/on-error@0.1.0'; // export tollgate:policy/on-error@0.1.0
  export * as bodyGate from 'tollgate:policy/body-gate@0.1.0'; // export tollgate:policy/body-gate@0.1.0
}
