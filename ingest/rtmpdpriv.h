/*
 * rtmpdpriv.h - what the parts of the server of RTMP share: private to rtmpd*.c.
 *
 * Units    ns on CLOCK_MONOTONIC.
 */
#ifndef RTMPDPRIV_H
#define RTMPDPRIV_H

#include <sys/socket.h>

#include "ingest/rtmpd.h"
#include "lib/base/clk.h"
#include "lib/net/link.h"
#include "lib/net/rtmp.h"

#define RTMPD_LOGIN	(10 * CLK_SECOND)	/* from the connection to the publication */
#define RTMPD_HANDSHAKE	(5 * CLK_SECOND)
#define RTMPD_PING	(5 * CLK_SECOND)	/* of silence */
#define RTMPD_SILENCE	(15 * CLK_SECOND)
#define RTMPD_STALE	(3 * CLK_SECOND)	/* silent for so long: another may come in */
#define RTMPD_LINGER	(2 * CLK_SECOND)
#define RTMPD_MESSAGE	(8u << 20)
#define RTMPD_MESSAGE_FIRST 65536u	/* before the key is known */
#define RTMPD_MEMORY	(UINT64_C(256) << 20)
#define RTMPD_STRANGERS	16		/* connections of one address without a key */
#define RTMPD_BUFFER	16384u
#define RTMPD_TELLS	20		/* messages about one slot in a row, */
#define RTMPD_TELL	(10 * CLK_SECOND)	/* and then one each */
#define RTMPD_ADDRS	256

enum rtmpd_state { RTMPD_TLS, RTMPD_HELLO, RTMPD_ECHO, RTMPD_COMMANDS, RTMPD_DELAYED,
	RTMPD_PUBLISHING, RTMPD_LINGERING, RTMPD_DEAD };

/* Who has had the key wrong, and how often. */
struct rtmpd_addr {
	uint8_t	 addr[16];
	unsigned wrong;
	int64_t	 last_ns;
};

struct rtmpd_conn {
	struct link link;
	struct rtmpd *server;
	int	 fd;
	struct ssl_st *ssl;		/* or NULL */
	bool	 want_write;		/* TLS cannot go on otherwise */
	bool	 shut;			/* we have sent our last byte */
	bool	 more;			/* there may be more to read, without a poll */
	enum rtmpd_state state;
	int64_t	 born_ns, heard_ns, deadline_ns, ping_ns;
	int64_t	 end_ns;			/* of the grace, or INT64_MAX */
	unsigned place;			/* in the set of the last poll, or none */
	uint8_t	 addr[16];		/* what counts of it */
	char	 peer[RTMPD_PEER];

	uint8_t	 buf[RTMPD_BUFFER];
	size_t	 len;
	struct rtmp_in in;
	struct rtmp_out out;
	uint64_t received, acked, unkeyed;	/* unkeyed: without a key shown */
	uint32_t window;

	bool	 connected;
	struct rtmp_command connect;	/* what it said of itself */
	uint32_t stream_id;		/* that it publishes on, and is answered on */
	struct rtmpd_slot *slot;
	struct flvunits *units;
};

struct rtmpd {
	struct rtmpd_config cfg;
	struct rtmpd_counts counts;
	struct budget memory;
	struct link conns;
	unsigned nlisten;
	struct {
		int  fd;
		bool tls;
	} listen[RTMPD_LISTEN];
	unsigned nset;			/* listeners in the set of the last poll */
	bool	 draining;
	int64_t	 accept_ns;		/* not before it: descriptors were short */
	int64_t	 told_ns;		/* refusals, the last time */
	uint64_t untold;
	struct rtmpd_addr addr[RTMPD_ADDRS];
};

/* rtmpdconn.c: bytes */
struct rtmpd_conn *rtmpdconn_new(struct rtmpd *d, int fd, bool tls,
    const struct sockaddr_storage *from);
void rtmpdconn_free(struct rtmpd_conn *c);
void rtmpdconn_run(struct rtmpd_conn *c, bool readable);
void rtmpdconn_tick(struct rtmpd_conn *c, int64_t now_ns);
/* Answer what waits, then the end; or the end at once. */
void rtmpdconn_linger(struct rtmpd_conn *c);
void rtmpdconn_close(struct rtmpd_conn *c);

/* rtmpdcmd.c: what the messages mean.  0, or -errno: close. */
int rtmpdcmd_message(struct rtmpd_conn *c, const struct rtmp_msg *m);
/* The answer to a wrong key, after its delay. */
void rtmpdcmd_refuse(struct rtmpd_conn *c);
/* The publication ends; why NULL: the publisher wanted so. */
void rtmpdcmd_end(struct rtmpd_conn *c, const char *why);
int rtmpdcmd_status(struct rtmpd_conn *c, uint32_t stream_id, const char *level,
    const char *code, const char *description);

/* rtmpd.c */
int64_t rtmpd_wrong_key(struct rtmpd *d, const uint8_t addr[static 16]);	/* delay */
/* A warning of one who was refused, at most each ten seconds. */
void rtmpd_say(struct rtmpd *d, const char *peer, const char *why);
/* May there be a message about who has this key?  It is counted, one way or the other. */
bool rtmpd_may_tell(struct rtmpd_slot *slot);

#endif
