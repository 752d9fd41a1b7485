/*
 * udp.h - sockets that receive and send datagrams, unicast or multicast.
 *
 *     udp://host:port       receive on that address of ours; send to that host
 *     udp://:port           receive on all of them
 *     udp://@group:port     multicast; source@group:port: from that source only
 *
 * Spec     RFC 1112, RFC 3678 (multicast and its source filters).
 * Shape    The keys of an address that both sides know: iface; to receive
 *          rcvbuf; to send ttl, tos, sndbuf.
 * Units    utc_ns since 1970.
 * Memory   What is returned is a descriptor of the caller's: non-blocking.
 * Errors   0, or -EINVAL (the address or a key of it is wrong) or another
 *          negative errno, with the reason as text in why.
 */
#ifndef UDP_H
#define UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/url.h"
#include "lib/base/why.h"

#define UDP_DATAGRAM	65536		/* room for any */
#define UDP_WHY		WHY_ROOM	/* for a reason */
#define UDP_CONTROL	128		/* room for what udp_note() reads */

struct udp_in {
	int	 fd;
	bool	 has_peer;		/* take datagrams of this address only */
	struct sockaddr_storage peer;
	uint64_t kernel_drops;		/* for want of room in the receive buffer */
	uint32_t last_ovfl;		/* private */
	/* What to say about the buffer when less was given than asked; 0: all. */
	int	 rcvbuf_asked, rcvbuf_given;
};

/* What the kernel says beside a datagram. */
struct udp_note {
	int64_t	 utc_ns;		/* when it came */
	size_t	 segment;		/* it is several of so many bytes each; 0: one */
};

int udp_open_in(struct udp_in *in, struct url *url, char why[static UDP_WHY]);

/* Read what recvmsg(2) has left in m->msg_control; counts kernel_drops. */
struct udp_note udp_note(struct udp_in *in, struct msghdr *m);

/* Is this from whom we take datagrams? */
bool udp_wanted(const struct udp_in *in, const struct sockaddr_storage *from);

/*
 * A socket connected to where url says.  A local address to send from: key "from".
 */
int udp_open_out(int *fd, struct url *url, char why[static UDP_WHY]);

/*
 * The first address of host for datagrams; "": one of ours.  AF_UNSPEC takes any
 * family.  -EADDRNOTAVAIL when there is none.
 */
int udp_resolve(const char *host, uint16_t port, int family, struct sockaddr_storage *sa,
    socklen_t *len, char why[static UDP_WHY]);

/* "127.0.0.1:5000" */
void udp_name(const struct sockaddr_storage *sa, char *text, size_t size);

#endif
