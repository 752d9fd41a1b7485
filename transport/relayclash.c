#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/url.h"
#include "transport/relayclash.h"

static bool
same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		    ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return a->ss_family == AF_INET6 &&
	    IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
	    &((const struct sockaddr_in6 *)b)->sin6_addr);
}

/* Of any address: that is 0 in both families. */
static bool
is_any(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ?
	    ((const struct sockaddr_in *)sa)->sin_addr.s_addr == INADDR_ANY :
	    IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static bool
is_group(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET ?
	    IN_MULTICAST(ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr)) :
	    IN6_IS_ADDR_MULTICAST(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

/* From one interface to the same group of another there is no loop. */
static bool
same_interface(const char *one, const char *other)
{
	struct url *u = malloc(2 * sizeof(*u));
	const char *a, *b;
	bool same = true;

	if (u != NULL && url_parse(&u[0], one) == 0 && url_parse(&u[1], other) == 0) {
		a = url_get(&u[0], "iface");
		b = url_get(&u[1], "iface");
		same = a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
		same = same && *u[0].user == '\0';	/* only of one source */
	}
	free(u);
	return same;
}

static bool
of_datagrams(const char *text)
{
	return strncmp(text, "udp://", 6) == 0 || strncmp(text, "rtp://", 6) == 0;
}

bool
relayclash_loop(const struct leg *l, const struct output *o)
{
	struct sockaddr_storage at, to, from;
	socklen_t nat = sizeof(at), nto = sizeof(to), nfrom = sizeof(from);

	memset(&at, 0, sizeof(at));
	memset(&to, 0, sizeof(to));
	memset(&from, 0, sizeof(from));
	if (!of_datagrams(l->text) || !of_datagrams(o->text) || l->fd < 0 || o->fd < 0 ||
	    getsockname(l->fd, (struct sockaddr *)&at, &nat) < 0 ||
	    getpeername(o->fd, (struct sockaddr *)&to, &nto) < 0 ||
	    getsockname(o->fd, (struct sockaddr *)&from, &nfrom) < 0 ||
	    at.ss_family != to.ss_family ||		/* the port is at one place in both */
	    ((struct sockaddr_in *)&at)->sin_port != ((struct sockaddr_in *)&to)->sin_port)
		return false;
	if (is_group(&to))
		return same_host(&at, &to) && same_interface(l->text, o->text);
	return same_host(&at, &to) || (is_any(&at) && same_host(&from, &to));
}
