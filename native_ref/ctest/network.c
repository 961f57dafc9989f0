/* Sockets and HTTP, over this machine alone. */
#include "check.h"

/* The address of a port of this machine. */
static const char *local(int64_t port) {
    static char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%lld", (long long)port);
    return address;
}

void tcp(void) {
    char buffer[16];
    int64_t port = 0, listener = native_tcp_bind(TEXT("127.0.0.1:0"), &port);
    CHECK(listener > 0 && port > 0);
    int64_t client = native_tcp_connect_timeout(TEXT(local(port)), 60000);
    int64_t server = native_tcp_accept(listener, NULL, 0, NULL);
    CHECK(client > 0 && server > 0);
    CHECK(native_tcp_write(client, TEXT("ping")) == 4 && native_tcp_shutdown(client, 1) == 0);
    CHECK(is_text(buffer, native_tcp_read(server, ROOM(buffer)), "ping"));
    CHECK(native_tcp_read(server, ROOM(buffer)) == 0);
    CHECK(native_tcp_set_read_timeout(client, 5) == 0 && native_tcp_read(client, ROOM(buffer)) == -2);
    CHECK(native_tcp_close(client) == 0 && native_tcp_close(client) == -1);
    CHECK(native_tcp_close(server) == 0 && native_tcp_close(listener) == 0);
    CHECK(native_tcp_connect(TEXT("no port")) == -1 && rt_error_clear());
}

void udp(void) {
    char buffer[4], from[64], expected[64];
    int64_t port = 0, own = 0, from_len = 0;
    int64_t receiver = native_udp_bind(TEXT("127.0.0.1:0"), &port);
    int64_t sender = native_udp_bind(TEXT("127.0.0.1:0"), &own);
    CHECK(receiver > 0 && sender > 0 && port > 0 && own > 0);
    CHECK(native_udp_send_to(sender, TEXT("datagram"), TEXT(local(port))) == 8);
    /* What has no room is lost, and its length told. */
    CHECK(native_udp_recv_from(receiver, ROOM(buffer), ROOM(from), &from_len) == 8 && memcmp(buffer, "data", 4) == 0);
    snprintf(expected, sizeof expected, "%s", local(own));
    CHECK(is_text(from, from_len, expected));
    CHECK(native_udp_send(sender, TEXT("x")) == -4 && native_udp_connect(sender, TEXT(local(port))) == 0);
    CHECK(native_udp_send(sender, TEXT("x")) == 1 && native_udp_recv_from(receiver, ROOM(buffer), NULL, 0, NULL) == 1);
    CHECK(native_udp_close(sender) == 0 && native_udp_close(receiver) == 0 && native_udp_close(receiver) == -1);
}

/* Answers one request at a listener; gives the first byte of what was asked. */
static RuntimeValue serve(RuntimeValue listener) {
    char request[1024] = "";
    int64_t got = 0, more = 1, server = native_tcp_accept(rt_value_as_int(listener), NULL, 0, NULL);
    while (more > 0 && strstr(request, "\r\n\r\n") == NULL) {
        more = native_tcp_read(server, (uint8_t *)request + got, (int64_t)sizeof request - 1 - got);
        got += more > 0 ? more : 0;
    }
    const char *response = "HTTP/1.1 201 Created\r\nX-Kind: Test\r\nContent-Length: 5\r\n\r\nhello";
    native_tcp_write(server, TEXT(response));
    native_tcp_close(server);
    return integer(request[0]);
}

void http(void) {
    char url[96];
    int64_t port = 0, listener = native_tcp_bind(TEXT("127.0.0.1:0"), &port);
    int64_t thread = rt_thread_spawn_isolated(serve, integer(listener));
    snprintf(url, sizeof url, "http://%s/greeting", local(port));
    RuntimeValue answer = native_http_send(TEXT("GET"), TEXT(url), TEXT("Accept: */*"), NULL, 0, 60000);
    CHECK(rt_tuple_len(answer) == 3 && rt_value_as_int(rt_tuple_get(answer, 0)) == 201);
    CHECK(is_string(rt_dict_get(rt_tuple_get(answer, 1), string("x-kind")), "Test"));
    CHECK(is_string(rt_tuple_get(answer, 2), "hello"));
    CHECK(rt_value_as_int(rt_thread_join(thread, -1)) == 'G' && rt_thread_free(thread));
    CHECK(native_tcp_close(listener) == 0);
    CHECK(rt_value_as_int(native_http_send(TEXT("GET"), TEXT("https://a/"), NULL, 0, NULL, 0, 1000)) == -6);
    CHECK(rt_error_clear());
}
