/*
 * wire.c - sockets that do not block, with TLS over them if the address asks for it.
 *
 * TLS is OpenSSL's, not hiredis_ssl's: Debian 12 has no hiredis_ssl, and with our own sockets it
 * takes no more code.  The server's certificate must be for the name in the address; authorities
 * are the system's, or those of the environment variable SSL_CERT_FILE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lookup.h"
#include "wire.h"

const char *batv_wire_server_next(struct batv_span *list, struct batv_wire_server *out)
{
	struct batv_server server;
	const char *wrong = batv_server_next(list, &server);

	memset(out, 0, sizeof *out);
	if (wrong)
		return wrong;
	out->tls = server.tls;
	snprintf(out->host, sizeof out->host, "%.*s", (int)server.host.len, server.host.p);
	if (!server.port) {
		snprintf(out->text, sizeof out->text, "unix:%s", out->host);
		return NULL;
	}
	snprintf(out->port, sizeof out->port, "%u", server.port);
	snprintf(out->text, sizeof out->text, strchr(out->host, ':') ? "%s[%s]:%s" : "%s%s:%s",
		 out->tls ? "rediss://" : "", out->host, out->port);
	return NULL;
}

static bool fail(struct batv_wire *wire, const char *why)
{
	snprintf(wire->why, sizeof wire->why, "%s", why);
	batv_wire_close(wire);
	return false;
}

void batv_wire_close(struct batv_wire *wire)
{
	if (wire->tls)
		SSL_free(wire->tls);
	if (wire->lookup)
		batv_lookup_free(wire->lookup);
	if (wire->found)
		freeaddrinfo(wire->found);
	if (wire->state >= BATV_WIRE_CONNECTING && wire->fd >= 0)
		close(wire->fd);
	wire->tls = NULL;
	wire->lookup = NULL;
	wire->found = wire->next = NULL;
	wire->fd = -1;
	wire->state = BATV_WIRE_CLOSED;
}

/* ---- TLS ---- */

/* The reason of OpenSSL's oldest error: the first is the cause. */
static bool tls_fail(struct batv_wire *wire, const char *what)
{
	long verified = wire->tls ? SSL_get_verify_result(wire->tls) : X509_V_OK;
	unsigned long error = ERR_get_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	char why[250];

	if (verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	snprintf(why, sizeof why, "%s: %s", what, reason ? reason : "the server ended it");
	ERR_clear_error();
	return fail(wire, why);
}

static SSL_CTX *tls_context(void)
{
	static SSL_CTX *context;

	if (context)
		return context;
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(context);
	SSL_CTX_set_mode(context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

/* Which name must the certificate have? */
static bool tls_expect(SSL *tls, const char *host)
{
	struct in6_addr number;

	if (inet_pton(AF_INET, host, &number) == 1 || inet_pton(AF_INET6, host, &number) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
	/* Not by the macro, which casts `const` away. */
	return SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)host) == 1 &&
	       SSL_set1_host(tls, host) == 1;
}

static bool tls_start(struct batv_wire *wire)
{
	SSL_CTX *context = tls_context();

	ERR_clear_error();
	wire->tls = context ? SSL_new(context) : NULL;
	if (!wire->tls || SSL_set_fd(wire->tls, wire->fd) != 1 ||
	    !tls_expect(wire->tls, wire->server->host))
		return tls_fail(wire, "cannot use TLS");
	SSL_set_connect_state(wire->tls);
	wire->state = BATV_WIRE_GREETING;
	wire->tls_wants = POLLOUT;
	return true;
}

/* Must a call of TLS wait?  Then it is noted for what. */
static bool tls_waits(struct batv_wire *wire, int result)
{
	int error = SSL_get_error(wire->tls, result);

	wire->tls_wants = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool tls_shake(struct batv_wire *wire)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(wire->tls);
	if (result == 1) {
		wire->state = BATV_WIRE_OPEN;
		wire->tls_wants = 0;
		return true;
	}
	return tls_waits(wire, result) || tls_fail(wire, "TLS failed");
}

/* ---- connecting ---- */

static bool connect_failed(struct batv_wire *wire, int error)
{
	char why[150];

	snprintf(why, sizeof why, "cannot connect: %s", strerror(error));
	return fail(wire, why);
}

static bool connected(struct batv_wire *wire)
{
	int on = 1;

	/* A unix socket has no such option. */
	(void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (wire->server->tls)
		return tls_start(wire);
	wire->state = BATV_WIRE_OPEN;
	return true;
}

/* Begins to connect to one address.  False with errno: not to this one. */
static bool try_address(struct batv_wire *wire, int family, const struct sockaddr *to,
			socklen_t len)
{
	int error;

	wire->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (wire->fd < 0)
		return false;
	if (connect(wire->fd, to, len) == 0 || errno == EINPROGRESS) {
		wire->state = BATV_WIRE_CONNECTING;
		return true;
	}
	error = errno;
	close(wire->fd);
	wire->fd = -1;
	errno = error;
	return false;
}

/* Goes on to the next address of the list that can be tried. */
static bool try_next(struct batv_wire *wire, int error)
{
	while (wire->next) {
		const struct addrinfo *address = wire->next;

		wire->next = address->ai_next;
		if (try_address(wire, address->ai_family, address->ai_addr, address->ai_addrlen))
			return true;
		error = errno;
	}
	return connect_failed(wire, error);
}

static bool take_list(struct batv_wire *wire, struct addrinfo *found)
{
	wire->found = wire->next = found;
	return try_next(wire, ENOENT);
}

static bool start_local(struct batv_wire *wire)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	snprintf(to.sun_path, sizeof to.sun_path, "%.107s", wire->server->host);
	return try_address(wire, AF_UNIX, (const struct sockaddr *)&to, sizeof to) ||
	       connect_failed(wire, errno);
}

static bool start_named(struct batv_wire *wire)
{
	struct addrinfo numeric = {.ai_socktype = SOCK_STREAM,
				   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
			*found = NULL;

	if (getaddrinfo(wire->server->host, wire->server->port, &numeric, &found) == 0)
		return take_list(wire, found);
	wire->lookup = batv_lookup_start(wire->server->host, wire->server->port);
	if (!wire->lookup)
		return connect_failed(wire, errno);
	wire->state = BATV_WIRE_LOOKING_UP;
	return true;
}

bool batv_wire_open(struct batv_wire *wire, const struct batv_wire_server *server)
{
	memset(wire, 0, sizeof *wire);
	wire->fd = -1;
	wire->server = server;
	return server->port[0] ? start_named(wire) : start_local(wire);
}

static bool step_lookup(struct batv_wire *wire)
{
	struct addrinfo *found;
	const char *why;
	char text[200];

	if (!batv_lookup_done(wire->lookup, &found, &why))
		return true;
	batv_lookup_free(wire->lookup);
	wire->lookup = NULL;
	if (found)
		return take_list(wire, found);
	snprintf(text, sizeof text, "cannot find the host's address: %s", why);
	return fail(wire, text);
}

static bool step_connect(struct batv_wire *wire)
{
	struct pollfd one = {.fd = wire->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof error;

	if (poll(&one, 1, 0) <= 0)
		return true;
	if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (!error)
		return connected(wire);
	close(wire->fd);
	wire->fd = -1;
	return try_next(wire, error);
}

bool batv_wire_step(struct batv_wire *wire)
{
	switch (wire->state) {
	case BATV_WIRE_LOOKING_UP: return step_lookup(wire);
	case BATV_WIRE_CONNECTING: return step_connect(wire);
	case BATV_WIRE_GREETING: return tls_shake(wire);
	case BATV_WIRE_CLOSED: return false;
	case BATV_WIRE_OPEN: break;
	}
	return true;
}

struct pollfd batv_wire_poll(const struct batv_wire *wire, bool writing)
{
	struct pollfd p = {.fd = wire->fd, .events = POLLIN};

	switch (wire->state) {
	case BATV_WIRE_CLOSED: p.fd = -1; break;
	case BATV_WIRE_LOOKING_UP: p.fd = batv_lookup_fd(wire->lookup); break;
	case BATV_WIRE_CONNECTING: p.events = POLLOUT; break;
	case BATV_WIRE_GREETING: p.events = wire->tls_wants; break;
	case BATV_WIRE_OPEN:
		p.events = (short)(POLLIN | (writing ? POLLOUT : 0) | wire->tls_wants);
		break;
	}
	return p;
}

/* ---- reading and writing ---- */

/* What a read or write of 0 bytes, or one that failed, means. */
static ssize_t ended(struct batv_wire *wire, ssize_t result)
{
	char why[150];

	if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (result < 0)
		snprintf(why, sizeof why, "the connection broke: %s", strerror(errno));
	else
		snprintf(why, sizeof why, "the server closed the connection");
	fail(wire, why);
	return -1;
}

static ssize_t tls_ended(struct batv_wire *wire, int result)
{
	if (tls_waits(wire, result))
		return 0;
	if (SSL_get_error(wire->tls, result) == SSL_ERROR_ZERO_RETURN)
		fail(wire, "the server closed the connection");
	else
		tls_fail(wire, "the connection broke");
	return -1;
}

ssize_t batv_wire_read(struct batv_wire *wire, void *buf, size_t size)
{
	ssize_t got;

	if (wire->tls) {
		ERR_clear_error();
		got = SSL_read(wire->tls, buf, (int)(size < INT_MAX ? size : INT_MAX));
		if (got <= 0)
			return tls_ended(wire, (int)got);
		wire->tls_wants = 0;
		return got;
	}
	got = recv(wire->fd, buf, size, 0);
	return got > 0 ? got : ended(wire, got);
}

ssize_t batv_wire_write(struct batv_wire *wire, const void *buf, size_t len)
{
	ssize_t put;

	if (!len)
		return 0;
	if (wire->tls) {
		ERR_clear_error();
		put = SSL_write(wire->tls, buf, (int)(len < INT_MAX ? len : INT_MAX));
		if (put <= 0)
			return tls_ended(wire, (int)put);
		wire->tls_wants = 0;
		return put;
	}
	put = send(wire->fd, buf, len, MSG_NOSIGNAL);
	return put > 0 ? put : ended(wire, put);
}
