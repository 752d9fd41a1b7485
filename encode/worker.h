/*
 * worker.h - a rung's own thread: pictures from its queue, coded under its rate
 * control, to the output.
 *
 * In QVBR each segment is coded by an encoder of its own, which knows nothing of the
 * segments before (qvbr.h); otherwise one encoder goes on until its rate is changed.
 *
 * No rung codes by what another one has found out, which t/bench/reuse.sh measures.
 * With the statistics and the tree of the first rung, as a second pass, x264 saves 3 % of
 * the time of three rungs, or 6 % if the cap is not kept, and costs a segment of delay
 * and a rate to guess.  With the analysis of a rung of the same size x265 saves half of
 * the time of the second; but under a cap that binds, without which the two would be the
 * same, it overspends on the first picture and starves the rest: SSIM is .004 to .04 less.
 *
 * Memory   worker_free() gives all back.
 * Threads  One puts pictures; any may ask for reports and for changes.
 * Errors   An encoder that fails ends the program.
 */
#ifndef ENCODE_WORKER_H
#define ENCODE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/ccfifo.h"
#include "encode/coder.h"
#include "encode/options.h"
#include "encode/output.h"
#include "encode/queue.h"
#include "encode/qvbr.h"
#include "encode/trial.h"
#include "lib/media/timeline.h"

#define WORKER_QUEUE	4	/* pictures; then who puts one waits */
#define WORKER_RENEW	4	/* pictures that an encoder has at least */
#define WORKER_NEXT	(2 * WORKER_RENEW)

/* A picture on its way; without its frame, until it is coded. */
struct job {
	AVFrame	*frame;
	int64_t	 k;
	bool	 idr, has_ebp, jump;
	struct ebp ebp;
	int64_t	 segment;
	bool	 begins, whole;		/* the segment, or else what there is of it */
	bool	 fresh;			/* the first, or after a gap */
	int64_t	 left;			/* pictures to its end, with this one */
	int64_t	 more;			/* that it has in addition, as is known now */
	struct timecode timecode;	/* if the format has it */
	size_t	 captions_len;
	uint8_t	 captions[CC_PAYLOAD_MAX];
};

/* What became of a segment.  Levels, QP in thousandths, SSIM in millionths or -1. */
struct worker_report {
	int64_t	 segment;
	unsigned pictures;
	int64_t	 bits, ns;
	uint64_t rate;			/* that was asked for, in bit/s */
	int	 quality, reached;	/* QVBR, else 0 */
	bool	 capped;		/* the cap did not let it reach what was asked for */
	int	 qp, ssim;
};

struct worker {
	const struct rung_spec *spec;
	struct output *out;
	struct output_stream *stream;
	struct coder_format format;
	struct grid grid;
	int64_t	 gop;			/* pictures, 0: a segment */
	int64_t	 shared;		/* segments by one encoder, which has enough by that */
	bool	 reports;		/* of segments are wanted, */
	bool	 ssim;			/* and this in them */
	struct queue queue;
	pthread_t thread;
	atomic_ullong pictures;		/* coded */
	/* private, of the thread: */
	struct coder coder;
	struct coder_rate rate;		/* what the encoder was told last */
	struct qvbr qvbr;
	int64_t	 begun;			/* pictures of the segment given; */
	AVFrame	*given_last;		/* the last of them */
	bool	 tries;			/* no encoder is open: pictures are held for a trial */
	struct job *held[TRIAL_PICTURES];
	unsigned nheld;
	bool	 at_once;		/* the encoder does not look ahead: none are held, but */
	AVFrame	*before[TRIAL_PICTURES - 1];	/* these are known, the last one last */
	int64_t	 given;			/* pictures, to this encoder */
	int64_t	 last;			/* segment that has begun */
	struct {
		int64_t	segment, pictures;
		bool	whole;
	} next[WORKER_NEXT];		/* segments that this encoder has begun, too */
	unsigned nnext;
	bool	 early;			/* qvbr has begun the segment of the next unit */
	int64_t	 fill;			/* of the decoder's buffer; not in QVBR */
	uint64_t mean;			/* bit/s, as it is now */
	int	 quality;
	struct worker_report tally;
	int64_t	 qp_sum, crf_sum, ssim_sum;
	/* private, under the lock: */
	pthread_mutex_t lock;
	bool	 wished;
	uint64_t wish_rate;
	int	 wish_quality;		/* 0: by size and rate */
	struct worker_report *report;
	size_t	 nreport, room;
};

/* What is above "private" but thread and queue is the caller's. */
void worker_init(struct worker *w);

/* The first encoder is opened, to see whether it can be.  0 or as coder_open(). */
int worker_start(struct worker *w);

void worker_put(struct worker *w, struct job *job);	/* takes */

/* From the next segment on; quality 0: by size and rate. */
void worker_wish(struct worker *w, uint64_t rate, int quality);
void worker_wishes(struct worker *w, uint64_t *rate, int *quality);

/* Those since the last call, of n segments, for the caller to free; NULL: none. */
struct worker_report *worker_reports(struct worker *w, size_t *n);

void worker_finish(struct worker *w);
void worker_free(struct worker *w);

#endif
