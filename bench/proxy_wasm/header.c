// A proxy-wasm filter (ABI 0.2.1) that does for each request what one `set-header` statement of `cargo xtask bench macro` does: it reads the
// header x-tenant and sets the header that its configuration names. Built without an SDK, so that Envoy pays for nothing but the work.
typedef unsigned int u32;
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

enum { OK = 0, CONTINUE = 0, REQUEST_HEADERS = 0, PLUGIN_CONFIGURATION = 7 };

IMPORT(proxy_get_buffer_bytes)(u32 type, u32 start, u32 length, char **data, u32 *size);
IMPORT(proxy_get_header_map_value)(u32 map, const char *name, u32 name_size, char **value, u32 *value_size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *name, u32 name_size, const char *value, u32 value_size);

// What the host hands over lies here, and is needed until the call ends.
static char arena[65536];
static u32 used;

static char target[128];
static u32 target_size;

void *EXPORT(proxy_on_memory_allocate)(u32 size) {
    if (size > sizeof arena - used) __builtin_trap();
    void *at = arena + used;
    used += (size + 7) & ~7u;
    return at;
}

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(_initialize)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 parent) {}
u32 EXPORT(proxy_on_vm_start)(u32 context, u32 size) { return 1; }

u32 EXPORT(proxy_on_configure)(u32 context, u32 size) {
    char *name;
    used = 0;
    if (size > sizeof target || proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &name, &target_size) != OK) return 0;
    __builtin_memcpy_inline(target, name, sizeof target);
    return 1;
}

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 count, u32 end_of_stream) {
    static const char source[] = "x-tenant";
    char *value;
    u32 size;
    used = 0;
    if (proxy_get_header_map_value(REQUEST_HEADERS, source, sizeof source - 1, &value, &size) == OK)
        proxy_replace_header_map_value(REQUEST_HEADERS, target, target_size, value, size);
    return CONTINUE;
}
