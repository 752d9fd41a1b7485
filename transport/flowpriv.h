/*
 * flowpriv.h - what the parts of flow.h share: the legs and what goes out (flow.c), and
 * the choice of a leg (flowpick.c).
 */
#ifndef FLOWPRIV_H
#define FLOWPRIV_H

#include "transport/flow.h"

/* A datagram that goes out, behind so many that never came.  Takes it. */
void flow_emit(struct flow *f, struct packet *pkt, uint64_t gap, int64_t at_ns);

/* A packet that is sent again. */
void flow_repeat(struct flow *f, const uint8_t *ts, int64_t at_ns);

/* A datagram to the merge by content.  Takes it. */
void flow_pass_content(struct flow *f, unsigned leg, struct packet *pkt, int64_t at_ns);

/* A datagram of a leg, in order: it goes on or not.  Takes it. */
void flow_pass_leg(struct flow *f, unsigned leg, struct packet *pkt, uint64_t gap,
    bool restarted, int64_t at_ns);

/* Are the legs, and what goes out, well? */
void flow_look(struct flow *f, int64_t now_ns);

#endif
