/*
 * ristkeys.h - what the address of a rist:// input or output asks for.
 *
 *     rist://host:port?buffer=500ms    we call
 *     rist://@[host]:port              we are called
 *
 * Spec     VSF TR-06-1 (simple profile), TR-06-2 (main profile).
 * Units    As librist has them: ms, kbit/s.  Times may have a unit, and are in ms
 *          without one, rates in kbit/s, since that is how such addresses are written.
 * Memory   Caller's struct, which holds secrets: ristkeys_clear().
 * Errors   -EINVAL, or what opening a file of secrets gave, with a reason as text.
 */
#ifndef RISTKEYS_H
#define RISTKEYS_H

#include <librist/librist.h>
#include <stdbool.h>

#include "lib/base/url.h"
#include "lib/net/udp.h"

#define RISTKEYS_PATH	1024

struct ristkeys {
	enum rist_profile profile;
	struct rist_peer_config peer;
	bool	 listening;
	enum rist_nack_type nacks;	/* how a receiver asks */
	char	 users[RISTKEYS_PATH];	/* file of those who may call; empty: anyone */
};

/* input: we receive. */
int ristkeys_get(struct ristkeys *k, struct url *url, bool input,
    char why[static UDP_WHY]);

void ristkeys_clear(struct ristkeys *k);

#endif
