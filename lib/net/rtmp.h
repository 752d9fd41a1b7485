/*
 * rtmp.h - the handshake and the commands of RTMP, as a server and a client need them.
 *
 * Spec     RTMP 1.0 (Adobe, 2012) 5.2 (handshake), 7.2 (commands); Enhanced RTMP v2
 *          (Veovera, 2024): connect, Reconnect Request.
 * Shape    The simple handshake: what a peer signs is not looked at, and a version of 0
 *          in ours tells it not to look for a signature either.
 *          Commands come and go in AMF 0; one in AMF 3 is read as well.
 * Memory   Nothing allocates; texts are copied, and cut where said.
 * Threads  Pure functions.
 * Errors   -EBADMSG damaged, -EPROTO another version of the protocol, -ENOSPC.
 */
#ifndef RTMP_H
#define RTMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/amf.h"
#include "lib/net/rtmpchunk.h"

#define RTMP_PORT	1935
#define RTMPS_PORT	443
#define RTMP_SIG	1536u		/* C1, S1, C2, S2 */
#define RTMP_HELLO	(1 + RTMP_SIG)	/* C0 and C1, S0 and S1 */
#define RTMP_NAME	512		/* of an app, or a stream: longer ones are cut */
#define RTMP_COMMAND_MAX 2048		/* one of ours */

/* S0, S1 and S2 for C0 and C1.  -EPROTO: no version that we know. */
int rtmp_answer(const uint8_t hello[static RTMP_HELLO], uint32_t time_ms,
    uint8_t out[static RTMP_HELLO + RTMP_SIG]);

/* A client's C0 and C1.  0 or -EIO: no random bytes. */
int rtmp_hello(uint32_t time_ms, uint8_t out[static RTMP_HELLO]);

/* capsEx: what a peer of Enhanced RTMP v2 can do. */
enum { RTMP_CAN_RECONNECT = 1, RTMP_CAN_MULTITRACK = 2, RTMP_CAN_MODEX = 4,
	RTMP_CAN_NANO = 8 };

/* A bit for each codec by FourCC. */
enum rtmp_codec { RTMP_AVC, RTMP_HEVC, RTMP_AV1, RTMP_VP8, RTMP_VP9, RTMP_AAC, RTMP_AC3,
	RTMP_EAC3, RTMP_OPUS, RTMP_MP3, RTMP_FLAC, RTMP_CODECS };
extern const char rtmp_codec_name[RTMP_CODECS][5];

struct rtmp_caps {
	bool	 fourcc_list, video_map, audio_map, caps_ex;	/* which were there */
	uint32_t codecs;		/* 1 << enum rtmp_codec; all of them for "*" */
	unsigned flags;			/* RTMP_CAN_... */
};

struct rtmp_command {
	char	 name[64];
	double	 transaction;
	char	 app[RTMP_NAME], tc_url[RTMP_NAME], flash_ver[64];	/* connect */
					/* tc_url: also of a status or error, to go there */
	double	 object_encoding;
	struct rtmp_caps caps;
	char	 stream[RTMP_NAME];	/* publish, FCPublish and others: the first text */
	bool	 cut;			/* app or stream is longer */
	double	 number;		/* deleteStream, _result of createStream */
	char	 code[64], description[128];	/* onStatus, _error */
	bool	 failed;		/* its level is error */
};

/* Of a message of type RTMP_COMMAND or RTMP_COMMAND3. */
int rtmp_command_parse(const struct rtmp_msg *msg, struct rtmp_command *c);

/*
 * Bodies of commands into p[0..size).  Return their length, or -ENOSPC.
 *
 * The answer to connect has of the peer's codecs and abilities those that are in ours.
 */
int rtmp_put_connected(uint8_t *p, size_t size, const struct rtmp_command *connect,
    const struct rtmp_caps *ours);

int rtmp_put_result(uint8_t *p, size_t size, double transaction);	/* of nothing */
int rtmp_put_stream(uint8_t *p, size_t size, double transaction, uint32_t stream_id);

/* onStatus: level "status", "warning" or "error".  reconnect to tc_url, or NULL. */
int rtmp_put_status(uint8_t *p, size_t size, const char *level, const char *code,
    const char *description, const char *tc_url);

/*
 * What a client says: connect, with the codecs that it sends and its abilities; a call
 * of a name with a stream or NULL; publish; deleteStream.
 */
int rtmp_put_connect(uint8_t *p, size_t size, double transaction, const char *app,
    const char *tc_url, const char *flash_ver, const struct rtmp_caps *ours);
int rtmp_put_call(uint8_t *p, size_t size, const char *name, double transaction,
    const char *stream);
int rtmp_put_publish(uint8_t *p, size_t size, double transaction, const char *stream);
int rtmp_put_delete(uint8_t *p, size_t size, double transaction, uint32_t stream_id);

/* onFCPublish and such, which old encoders wait for. */
int rtmp_put_fc(uint8_t *p, size_t size, const char *name, const char *code,
    const char *stream);

#endif
