/*
 * replaypick.h - which datagrams of a capture are of an input, by its address.
 *
 *     udp://:port   udp://host:port   udp://from@group:port   rtp://...
 *
 * Memory   Caller's struct.
 * Threads  One.
 * Errors   -EINVAL with a reason.
 */
#ifndef REPLAYPICK_H
#define REPLAYPICK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/leg/address.h"
#include "lib/net/udp.h"
#include "transport/capture.h"

struct replaypick_address {
	uint8_t	 len;			/* 4 or 16; 0: any */
	uint8_t	 byte[16];
};

struct replaypick {
	struct replaypick_address from, to;
	uint16_t port;
	bool	 fec;			/* and of its FEC, on the ports above */
	char	 name[ADDRESS_NAME];	/* key "name", or "" */
};

int replaypick_parse(struct replaypick *p, const char *text, char why[static UDP_WHY]);

bool replaypick_is(const struct replaypick *p, const struct capture_item *item);

#endif
