# Tollgate's rows of bench/compare.sh. Sourced; `spawn`, `$work`, `$port` and `$origin_port` are the script's.

start_tollgate() { # ROW; what else the API has, on standard input
    {
        cat <<YAML
listen: 127.0.0.1:${port[$1]}
admin: off
workers: 1
access-log: off
state: { directory: $work/state-$1 }
apis:
  - id: bench
    path: ""
    backend: http://127.0.0.1:$origin_port
    subscription-required: false
YAML
        cat
    } >"$work/$1.yaml"
    spawn "$1" 0 "$tollgate" run "$work/$1.yaml"
}

inbound() { # STATEMENT…
    printf '%s\n' "    policies:" "      inbound:"
    printf '        - %s\n' "$@"
}

# Each reads one header and sets one.
headers() { # COUNT ISOLATION
    local i statements=()
    for ((i = 0; i < $1; i++)); do
        statements+=("{ set-header: { name: x-bench-$i, value: \"\${request.headers['x-tenant']}\" }, isolation: $2 }")
    done
    inbound "${statements[@]}"
}

rate_limit() { # KEY
    inbound "rate-limit-by-key: { calls: 1000000000, renewal-period: 60, counter-key: $1 }"
}

operations() { # COUNT
    echo "    operations:"
    seq "$1" | sed 's|.*|      - { id: op-&, method: GET, url: "/items-&/{id}" }|'
    echo '      - { id: any, method: GET, url: "/*" }'
}

# Twenty statements of the catalogue with ten expressions, in the sections where such documents have them.
chain() {
    cat <<'YAML'
    policies:
      inbound:
        - ip-filter: { action: forbid, addresses: [ 192.0.2.0/24 ] }
        - cors: { allowed-origins: [ "https://app.example" ] }
        - check-header: { name: x-tenant, failed-check-httpcode: 401 }
        - set-variable: { name: tenant, value: "${request.headers['x-tenant']}" }
        - rate-limit-by-key: { calls: 1000000000, renewal-period: 60, counter-key: "${variables.tenant}" }
        - set-header: { name: x-tenant-id, value: "${variables.tenant}" }
        - set-header: { name: x-original-path, value: "${request.path}" }
        - set-header: { name: x-api-version, value: "2" }
        - set-header: { name: x-internal, exists-action: delete }
        - set-query-parameter: { name: from, value: "${request.method}" }
        - choose:
            - when: request.headers["x-tenant"] == "acme"
              policies: [ { set-header: { name: x-tier, value: gold } } ]
        - rewrite-uri: { template: /v2/items }
      outbound:
        - set-header: { name: x-powered-by, exists-action: delete }
        - set-header: { name: x-tenant, value: "${variables.tenant}" }
        - set-header: { name: x-origin-status, value: "${response.status}" }
        - choose:
            - when: response.status >= 500
              policies: [ { set-status: { code: 502 } } ]
        - set-header: { name: vary, exists-action: append, value: x-tenant }
        - set-header: { name: x-id, value: "id ${request_id}" }
YAML
}
