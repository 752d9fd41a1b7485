/*
 * fecspeed [L D [loss of 1000...]] - how fast SMPTE 2022-1 is made and used: media
 * packets of 7 transport packets, in memory, a second of CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022dec.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"

#define MEDIA	2000			/* different ones: 2.6 MB */
#define ROUNDS	100
#define SIZE	1408

struct packet {
	struct packet *next;
	uint8_t	 data[SIZE];
};

static struct packet *spare;		/* no malloc() is measured */

static void *
make(void *ctx, size_t len, uint8_t **data)
{
	struct packet *p = spare;

	(void)ctx;
	(void)len;
	if (p != NULL)
		spare = p->next;
	else if ((p = malloc(sizeof(*p))) == NULL)
		abort();
	*data = p->data;
	return p;
}

static void
drop(void *ctx, void *pkt)
{
	struct packet *p = pkt;

	(void)ctx;
	p->next = spare;
	spare = p;
}

static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint8_t media[MEDIA][SIZE];
static struct fec {
	unsigned after;
	size_t	 len;
	uint8_t	 data[SIZE];
} *fec;
static unsigned nfec;

static void
encode(const struct fec_spec *spec)
{
	double start = cpu();
	unsigned made = 0;

	for (unsigned r = 0; r < ROUNDS; r++) {
		struct fec_enc *e;
		const uint8_t *p;
		size_t len;
		bool row;

		if (fec_enc_new(&e, spec) < 0) {
			fprintf(stderr, "no matrix\n");
			exit(2);
		}
		nfec = 0;
		for (unsigned i = 0; i < MEDIA; i++) {
			fec_enc_push(e, media[i], 12 + 7 * 188);
			while ((len = fec_enc_pop(e, &p, &row)) > 0) {
				if (r == 0) {		/* kept for the receiver */
					fec[nfec].after = i;
					fec[nfec].len = len;
					memcpy(fec[nfec].data, p, len);
				}
				nfec++;
				made++;
			}
		}
		fec_enc_free(e);
	}
	printf("encode %2u x %-2u           %6.2f M packets/s  (%u %% FEC)\n", spec->l, spec->d,
	    MEDIA * ROUNDS / (cpu() - start) / 1e6, made / ROUNDS * 100 / MEDIA);
}

static struct fec_arrival
arrival(const uint8_t *p, size_t len)
{
	struct fec_arrival a = { .len = len };
	uint8_t *data;

	a.pkt = make(NULL, len, &data);
	memcpy(data, p, len);
	a.data = data;
	return a;
}

/* The copy stands for what recvmmsg() does, and is measured on its own. */
static void
decode(unsigned loss, bool nothing)
{
	const struct fec_store store = { .make = make, .drop = drop };
	double start = cpu();
	unsigned lost = 0, missing = 0;

	srandom(1);
	for (unsigned r = 0; r < ROUNDS; r++) {
		struct fec_dec *d;
		unsigned k = 0;

		if (fec_dec_new(&d, 1024, 0, &store) < 0)
			abort();
		for (unsigned i = 0; i < MEDIA; i++) {
			uint64_t seq = (UINT64_C(1) << 32) + i;
			struct fec_arrival a;

			if ((unsigned)random() % 1000 < loss)
				lost++;
			else {
				a = arrival(media[i], 12 + 7 * 188);
				if (nothing)
					drop(NULL, a.pkt);
				else
					fec_dec_media(d, seq, &a);
			}
			for (; k < nfec && fec[k].after == i; k++) {
				a = arrival(fec[k].data, fec[k].len);
				if (nothing)
					drop(NULL, a.pkt);
				else
					fec_dec_fec(d, &a);
			}
			if (!nothing && i >= 512)
				missing += fec_dec_find(d, seq - 512)->how == FEC_MISSING;
		}
		fec_dec_free(d);
	}
	printf("%s, %4.1f %% lost  %6.2f M packets/s  (%.2f %% missing)\n",
	    nothing ? "copies alone" : "decode      ", lost * 100.0 / (MEDIA * ROUNDS),
	    MEDIA * ROUNDS / (cpu() - start) / 1e6, missing * 100.0 / (MEDIA - 512) / ROUNDS);
}

int
main(int argc, char *argv[])
{
	struct fec_spec spec = { .l = 10, .d = 10, .rows = true, .size = SIZE - FEC_HEADERS };

	if (argc > 2) {
		spec.l = (unsigned)strtoul(argv[1], NULL, 10);
		spec.d = (unsigned)strtoul(argv[2], NULL, 10);
	}
	fec = malloc(2 * MEDIA * sizeof(*fec));
	if (fec == NULL)
		return 1;
	for (unsigned i = 0; i < MEDIA; i++) {
		uint8_t body[7 * 188];

		for (size_t k = 0; k < sizeof(body); k++)
			body[k] = (uint8_t)random();
		rtp_put(media[i], SIZE, &(struct rtp_packet){ .type = 33, .seq = (uint16_t)i,
		    .timestamp = i * 190, .payload = body, .payload_len = sizeof(body) });
	}
	encode(&spec);
	decode(0, true);
	for (int i = 3; i < argc; i++)
		decode((unsigned)strtoul(argv[i], NULL, 10), false);
	free(fec);
	return 0;
}
