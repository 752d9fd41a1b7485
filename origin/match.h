/*
 * match.h - the patterns of policies: wildcards, and networks of addresses.
 *
 * Spec     IAM's * (any run, also of slashes) and ? (any one); RFC 4632 and
 *          RFC 4291 2.3 for networks.
 * Units    Bytes.
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 * Errors   -EINVAL.
 */
#ifndef MATCH_H
#define MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

bool match_glob(const char *pattern, const char *text, size_t len);

struct match_net {
	uint8_t	 addr[16];	/* an IPv4 one is mapped: ::ffff:192.0.2.0 */
	unsigned bits;
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. */
int match_parse_net(const char *text, struct match_net *net);

/* What is no address (a unix socket) is in none. */
bool match_net(const struct match_net *net, const struct sockaddr_storage *peer);

#endif
