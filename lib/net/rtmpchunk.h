/*
 * rtmpchunk.h - messages of RTMP in chunks, both ways.
 *
 * A sender repeats an extended timestamp in chunks of type 3 or it does not: the four
 * bytes are looked at, and are payload unless they are that timestamp.  A chunk of type 3
 * that begins a message adds the last delta once more (5.3.1.2.4).
 *
 * Spec     RTMP 1.0 (Adobe, 2012) 5.3 (chunks), 5.4 (protocol control), 7.1.6 (aggregate).
 * Shape    The reader acts on Set Chunk Size and Abort itself and gives them out as
 *          well.  What it cannot use of a header is left for the next call: a caller
 *          offers those bytes again with what follows them.
 * Units    Milliseconds modulo 2^32; bytes.
 * Memory   rtmp_in_free(), rtmp_out_free().  Buffers of a reader grow with what has come,
 *          not with what a header claims, and are taken from a budget if there is one.
 *          A message is borrowed until the next call.
 * Threads  Caller's structs.
 * Errors   -EBADMSG no chunk, -EMSGSIZE a message or many of them longer than allowed,
 *          -ENOMEM, also by the budget.
 */
#ifndef RTMPCHUNK_H
#define RTMPCHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/budget.h"

#define RTMP_CHUNK	128u		/* both ways, before anything is said */
#define RTMP_CHUNK_MAX	0xffffffu
#define RTMP_HEADER_MAX	18u		/* 3 basic, 11, 4 of a timestamp */
#define RTMP_STREAMS	32		/* chunk streams at a time */

enum rtmp_type {
	RTMP_SET_CHUNK_SIZE = 1, RTMP_ABORT, RTMP_ACK, RTMP_USER_CONTROL, RTMP_WINDOW_ACK,
	RTMP_PEER_BANDWIDTH, RTMP_AUDIO = 8, RTMP_VIDEO, RTMP_DATA3 = 15, RTMP_SHARED3,
	RTMP_COMMAND3, RTMP_DATA, RTMP_SHARED, RTMP_COMMAND, RTMP_AGGREGATE = 22,
};

struct rtmp_msg {
	uint32_t csid;			/* chunk stream, from 2 */
	uint32_t timestamp;
	uint8_t	 type;			/* enum rtmp_type, or anything */
	uint32_t stream_id;
	const uint8_t *data;
	size_t	 len;
};

struct rtmp_chunk_stream {
	uint32_t csid;			/* 0: a free place */
	bool	 known, extended, partial;
	uint32_t timestamp, delta, field;	/* field: as it stood there */
	uint32_t len, stream_id;
	uint8_t	 type;
	uint8_t	*data;
	size_t	 fill, size;
	uint64_t used;			/* for the least recent one */
};

struct rtmp_in {
	size_t	 chunk_size;
	size_t	 message_max, total_max;	/* bytes: of one, of all that have begun */
	struct budget *budget;		/* or NULL */
	/* private: */
	struct rtmp_chunk_stream stream[RTMP_STREAMS];
	struct rtmp_chunk_stream *lent, *current;
	size_t	 left;			/* payload of the chunk begun */
	size_t	 total;
	uint64_t turn;
};

void rtmp_in_init(struct rtmp_in *in, size_t message_max, struct budget *budget);
void rtmp_in_free(struct rtmp_in *in);

/*
 * Read from p[0..len): 1 with a message, 0 when there is none yet.  *used says how much
 * is done with, in both cases.
 */
int rtmp_in_next(struct rtmp_in *in, const uint8_t *p, size_t len, size_t *used,
    struct rtmp_msg *msg);

/*
 * The next message in an aggregate: *pos is 0 at first.  base: the timestamp of the first
 * one, set then.  1, 0 at the end, -EBADMSG.
 */
int rtmp_aggregate_next(const struct rtmp_msg *all, size_t *pos, uint32_t *base,
    struct rtmp_msg *msg);

/* What waits to be sent. */
struct rtmp_out {
	size_t	 chunk_size;
	uint8_t	*data;			/* data[pos..len) */
	size_t	 pos, len, size;
	/* private: the last header of each of the first chunk streams */
	struct rtmp_sent {
		bool	 known;
		uint32_t timestamp, len, stream_id;
		uint8_t	 type;
	} sent[8];
};

void rtmp_out_init(struct rtmp_out *o);
void rtmp_out_free(struct rtmp_out *o);

int rtmp_out_bytes(struct rtmp_out *o, const void *p, size_t len);
void rtmp_out_sent(struct rtmp_out *o, size_t len);	/* so much has gone */

/* A message in chunks.  Set Chunk Size changes that of the next one.  0 or -ENOMEM. */
int rtmp_out_put(struct rtmp_out *o, const struct rtmp_msg *msg);

/* Set Chunk Size, Acknowledgement, Window Acknowledgement Size: a number. */
int rtmp_out_control(struct rtmp_out *o, enum rtmp_type type, uint32_t value);
int rtmp_out_bandwidth(struct rtmp_out *o, uint32_t window, uint8_t limit);

enum rtmp_event { RTMP_STREAM_BEGIN, RTMP_STREAM_EOF, RTMP_PING = 6, RTMP_PONG };
int rtmp_out_event(struct rtmp_out *o, enum rtmp_event event, uint32_t value);

uint32_t rtmp_get(const uint8_t *p, unsigned bytes);	/* big-endian */

#endif
