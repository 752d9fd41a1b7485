/*
 * rtmpclient.h - a publisher's side of a connection of RTMP: bytes in, bytes out.
 *
 * From C0 to the publication and its end, as encoders do it: handshake, connect,
 * releaseStream, FCPublish, createStream, publish.  Pings are answered, and what the
 * server sends is acknowledged.
 *
 * Spec     RTMP 1.0 (Adobe, 2012) 5.2, 5.3, 5.4, 7.2; Enhanced RTMP v2 (Veovera, 2024):
 *          connect, Reconnect Request.
 * Shape    No sockets: the caller moves bytes.  What is to be sent is in out.
 * Memory   rtmpclient_free() gives all back.  The texts of the configuration are
 *          borrowed for as long as the client is.
 * Threads  Belongs to one thread.
 * Errors   -EPROTO what comes is not RTMP, -EBADMSG damaged, -EMSGSIZE, also for a server
 *          that asks and asks and reads no answer, -ENOMEM, -EIO;
 *          -ECONNREFUSED the server does not want it, -ECONNRESET it has ended the
 *          publication: code and description say why, if it has.
 */
#ifndef RTMPCLIENT_H
#define RTMPCLIENT_H

#include "lib/net/rtmp.h"

#define RTMPCLIENT_CHUNK	4096u
#define RTMPCLIENT_MESSAGE	65536u	/* the longest that we read */

enum rtmpclient_state {
	RTMPCLIENT_HELLO, RTMPCLIENT_CONNECTING, RTMPCLIENT_CREATING,
	RTMPCLIENT_ASKING, RTMPCLIENT_PUBLISHING, RTMPCLIENT_ENDED,
};
extern const char *const rtmpclient_state_name[];

struct rtmpclient_config {
	const char *app, *stream, *tc_url;
	const char *flash_ver;		/* how we call ourselves */
	struct rtmp_caps caps;		/* the codecs by FourCC, and what we can */
};

struct rtmpclient {
	enum rtmpclient_state state;
	struct rtmp_out out;
	struct rtmp_caps caps;		/* what the server says of itself */
	uint64_t received;		/* bytes */
	uint32_t acked;			/* bytes of ours that it says it has, modulo 2^32 */
	bool	 reconnect;		/* it asks for that, there or here if "" */
	char	 reconnect_url[RTMP_NAME];
	char	 code[64], description[128];
	/* private: */
	struct rtmpclient_config config;
	struct rtmp_in in;
	uint8_t	 hello[RTMP_HELLO + RTMP_SIG];	/* S0, S1 and S2 as they come */
	size_t	 nhello;
	uint8_t	*rest;			/* what has come and is not read yet */
	size_t	 nrest, rest_size;
	uint64_t answered;		/* of received, the last Acknowledgement */
	uint32_t window, told_window, stream_id;
};

/* What begins a connection is put out: 0, -EIO or -ENOMEM.  Free it in all cases. */
int rtmpclient_init(struct rtmpclient *c, const struct rtmpclient_config *config);
void rtmpclient_free(struct rtmpclient *c);

/* What the server sends, in any split. */
int rtmpclient_take(struct rtmpclient *c, const uint8_t *p, size_t len);

/* While it is publishing: an audio or video tag, or data.  0 or -ENOMEM, -EMSGSIZE. */
int rtmpclient_put(struct rtmpclient *c, enum rtmp_type type, uint32_t timestamp_ms,
    const uint8_t *p, size_t len);

/* The stream is at its end: say so. */
int rtmpclient_end(struct rtmpclient *c);

#endif
