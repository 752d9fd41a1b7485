#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/why.h"
#include "lib/net/udp.h"

#define BUFFER	(4 << 20)

static bool
is_multicast(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	return sa->ss_family == AF_INET ? IN_MULTICAST(ntohl(v4->sin_addr.s_addr)) :
	    IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET ?
	    a4->sin_addr.s_addr == b4->sin_addr.s_addr :
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

int
udp_resolve(const char *host, uint16_t port, int family, struct sockaddr_storage *sa,
    socklen_t *len, char why[static UDP_WHY])
{
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *ai;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(*host != '\0' ? host : NULL, service, &hints, &ai);
	if (r != 0) {		/* what is after a : may be a password */
		why_failed(why, 0, "no address of '%.*s': %s", (int)strcspn(host, ":"), host,
		    gai_strerror(r));
		return -EADDRNOTAVAIL;
	}
	memset(sa, 0, sizeof(*sa));
	memcpy(sa, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

/* The index of an interface by its name or by an address that it has; 0: none. */
static unsigned
interface(const char *name)
{
	unsigned index = if_nametoindex(name);
	struct sockaddr_storage want = { 0 };
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *ai;
	struct ifaddrs *all;

	if (index != 0 || getaddrinfo(name, NULL, &hints, &ai) != 0)
		return index;
	memcpy(&want, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	if (getifaddrs(&all) < 0)
		return 0;
	for (struct ifaddrs *i = all; i != NULL && index == 0; i = i->ifa_next)
		if (i->ifa_addr != NULL && same_address(&want, (const void *)i->ifa_addr))
			index = if_nametoindex(i->ifa_name);
	freeifaddrs(all);
	return index;
}

static int
get_interface(struct url *url, unsigned *index, char why[static UDP_WHY])
{
	const char *name = url_get(url, "iface");

	*index = name != NULL ? interface(name) : 0;
	if (name != NULL && *index == 0)
		return why_wrong(why, "there is no interface '%s'", name);
	return 0;
}

static int
get_number(struct url *url, const char *key, uint64_t most, uint64_t *value,
    char why[static UDP_WHY])
{
	static const struct opt_unit units[] = { { "", 1 }, { NULL, 0 } };
	const char *text = url_get(url, key);
	bool hex = text != NULL && text[0] == '0' && (text[1] | 0x20) == 'x';
	char *end;

	if (hex && isxdigit((unsigned char)text[2])) {	/* as ip(8) has it */
		*value = strtoull(text, &end, 16);
		if (*end == '\0' && *value <= most)
			return 0;
	}
	if (text != NULL && (opt_scaled(text, units, value) < 0 || *value > most))
		return why_wrong(why, "%s '%s' is not a number up to %u", key, text,
		    (unsigned)most);
	return 0;
}

/* *size stays as it is when the key is not there. */
static int
get_size(struct url *url, const char *key, uint64_t *size, char why[static UDP_WHY])
{
	static const struct opt_unit units[] = {
		{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "Ki", 1 << 10 },
		{ "Mi", 1 << 20 }, { NULL, 0 },
	};
	const char *text = url_get(url, key);

	if (text != NULL && (opt_scaled(text, units, size) < 0 || *size < 2048 ||
	    *size > 1 << 30))
		return why_wrong(why, "%s '%s' is not a size such as 8Mi", key, text);
	return 0;
}

static int
check(const struct url *url, char why[static UDP_WHY])
{
	if (url->port == 0)
		return why_wrong(why, "it has no port");
	if (*url->path != '\0' && strcmp(url->path, "/") != 0)
		return why_wrong(why, "what is '%s'?", url->path);
	return 0;
}

static void
set_buffer(int fd, int force, int name, int size)
{
	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size));
}

/* ---- to receive */

static int
join(const struct udp_in *in, const struct sockaddr_storage *group, unsigned index)
{
	int level = group->ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	if (in->has_peer) {
		struct group_source_req req = { .gsr_interface = index };

		req.gsr_group = *group;
		req.gsr_source = in->peer;
		return setsockopt(in->fd, level, MCAST_JOIN_SOURCE_GROUP, &req, sizeof(req));
	}
	return setsockopt(in->fd, level, MCAST_JOIN_GROUP,
	    &(struct group_req){ .gr_interface = index, .gr_group = *group },
	    sizeof(struct group_req));
}

static int
bind_in(struct udp_in *in, struct sockaddr_storage *sa, socklen_t len, unsigned index,
    char why[static UDP_WHY])
{
	char device[IF_NAMESIZE] = "";
	int one = 1, zero = 0;

	if (is_multicast(sa)) {
		setsockopt(in->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		/* Only the groups that this socket has joined itself. */
		if (sa->ss_family == AF_INET)
			setsockopt(in->fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero));
		else
			((struct sockaddr_in6 *)(void *)sa)->sin6_scope_id = index;
	} else if (index != 0 && (if_indextoname(index, device) == NULL ||
	    setsockopt(in->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
	    (socklen_t)strlen(device)) < 0)) {
		return why_failed(why, -errno, "cannot bind to interface '%s'", device);
	}
	if (bind(in->fd, (struct sockaddr *)sa, len) < 0)
		return why_failed(why, -errno, "cannot bind");
	if (is_multicast(sa) && join(in, sa, index) < 0)
		return why_failed(why, -errno, "cannot join the group");
	return 0;
}

int
udp_open_in(struct udp_in *in, struct url *url, char why[static UDP_WHY])
{
	uint64_t size = BUFFER;
	struct sockaddr_storage sa;
	socklen_t len, peer_len, int_len = sizeof(int);
	unsigned index;
	int r, one = 1, got = 0;

	*in = (struct udp_in){ .fd = -1, .has_peer = *url->user != '\0' };
	if ((r = check(url, why)) < 0 ||
	    (r = get_interface(url, &index, why)) < 0 ||
	    (r = get_size(url, "rcvbuf", &size, why)) < 0 ||
	    (r = udp_resolve(url->host, url->port, *url->host == '\0' ? AF_INET : AF_UNSPEC,
	    &sa, &len, why)) < 0 || (in->has_peer &&
	    (r = udp_resolve(url->user, 0, sa.ss_family, &in->peer, &peer_len, why)) < 0))
		return r;
	in->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (in->fd < 0)
		return why_failed(why, -errno, "cannot make a socket");
	set_buffer(in->fd, SO_RCVBUFFORCE, SO_RCVBUF, (int)size);
	getsockopt(in->fd, SOL_SOCKET, SO_RCVBUF, &got, &int_len);
	if (got / 2 < (int)size && url_get(url, "rcvbuf") != NULL) {
		in->rcvbuf_asked = (int)size;
		in->rcvbuf_given = got / 2;
	}
	setsockopt(in->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	setsockopt(in->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	if ((r = bind_in(in, &sa, len, index, why)) < 0) {
		close(in->fd);
		in->fd = -1;
	}
	return r;
}

struct udp_note
udp_note(struct udp_in *in, struct msghdr *m)
{
	struct udp_note note = { .utc_ns = 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			note.utc_ns = (int64_t)ts.tv_sec * CLK_SECOND + ts.tv_nsec;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			in->kernel_drops += (uint32_t)(drops - in->last_ovfl);
			in->last_ovfl = drops;
		} else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int segment;

			memcpy(&segment, CMSG_DATA(c), sizeof(segment));
			note.segment = segment > 0 ? (size_t)segment : 0;
		}
	}
	if (note.utc_ns == 0)
		note.utc_ns = clk_utc_ns();
	return note;
}

bool
udp_wanted(const struct udp_in *in, const struct sockaddr_storage *from)
{
	return !in->has_peer || same_address(from, &in->peer);
}

/* ---- to send */

static void
set_hops(int fd, const struct sockaddr_storage *sa, int ttl, int tos)
{
	bool v4 = sa->ss_family == AF_INET;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	int name = is_multicast(sa) ? (v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS) :
	    (v4 ? IP_TTL : IPV6_UNICAST_HOPS);

	if (ttl > 0)
		setsockopt(fd, level, name, &ttl, sizeof(ttl));
	if (tos > 0)
		setsockopt(fd, level, v4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof(tos));
}

static int
set_interface(int fd, const struct sockaddr_storage *sa, unsigned index)
{
	char device[IF_NAMESIZE];

	if (is_multicast(sa) && sa->ss_family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF,
		    &(struct ip_mreqn){ .imr_ifindex = (int)index },
		    sizeof(struct ip_mreqn));
	if (is_multicast(sa))
		return setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index));
	if (if_indextoname(index, device) == NULL)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
	    (socklen_t)strlen(device));
}

int
udp_open_out(int *fd, struct url *url, char why[static UDP_WHY])
{
	uint64_t size = BUFFER, ttl = 0, tos = 0;
	const char *from = url_get(url, "from");
	struct sockaddr_storage sa, local;
	socklen_t len, local_len;
	unsigned index;
	int r, s;

	if (*url->host == '\0')
		return why_wrong(why, "it has no host");
	if ((r = check(url, why)) < 0 || (r = get_interface(url, &index, why)) < 0 ||
	    (r = get_size(url, "sndbuf", &size, why)) < 0 ||
	    (r = get_number(url, "ttl", 255, &ttl, why)) < 0 ||
	    (r = get_number(url, "tos", 255, &tos, why)) < 0 ||
	    (r = udp_resolve(url->host, url->port, AF_UNSPEC, &sa, &len, why)) < 0 ||
	    (from != NULL &&
	    (r = udp_resolve(from, 0, sa.ss_family, &local, &local_len, why)) < 0))
		return r;
	s = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return why_failed(why, -errno, "cannot make a socket");
	set_buffer(s, SO_SNDBUFFORCE, SO_SNDBUF, (int)size);
	set_hops(s, &sa, (int)ttl, (int)tos);
	if (index != 0 && set_interface(s, &sa, index) < 0)
		r = why_failed(why, -errno, "cannot send by that interface");
	else if (from != NULL && bind(s, (struct sockaddr *)&local, local_len) < 0)
		r = why_failed(why, -errno, "cannot send from '%s'", from);
	else if (connect(s, (struct sockaddr *)&sa, len) < 0)
		r = why_failed(why, -errno, "cannot connect");
	if (r < 0)
		close(s);
	else
		*fd = s;
	return r;
}

void
udp_name(const struct sockaddr_storage *sa, char *text, size_t size)
{
	char host[64] = "?", port[8] = "?";

	getnameinfo((const struct sockaddr *)sa, sa->ss_family == AF_INET ?
	    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(text, size, sa->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}
