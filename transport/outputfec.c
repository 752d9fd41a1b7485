#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/fec2022.h"
#include "lib/net/fec2022enc.h"
#include "lib/net/rtp.h"
#include "transport/outputfec.h"

struct output_fec {
	struct fec_enc *enc;
	int	 fd[2];			/* of columns, of rows; -1: none */
	uint64_t sent, bytes, failed;
	uint64_t bare;			/* datagrams that it cannot protect */
};

/* "10x5,columns,staircase" */
static int
parse(struct fec_spec *spec, const char *text, char why[static UDP_WHY])
{
	char *end = NULL;
	unsigned long l = 0, d = 0;

	snprintf(why, UDP_WHY, "fec '%.64s' is not as 10x5, with ,columns or ,staircase", text);
	if (*text >= '0' && *text <= '9')
		l = strtoul(text, &end, 10);
	if (end == NULL || *end != 'x' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	d = strtoul(end + 1, &end, 10);
	spec->rows = true;
	for (; *end == ','; end += strcspn(end, ",")) {
		size_t len = strcspn(++end, ",");

		if (len == 7 && strncmp(end, "columns", len) == 0)
			spec->rows = false;
		else if (len == 9 && strncmp(end, "staircase", len) == 0)
			spec->staircase = true;
		else
			return -EINVAL;
	}
	if (*end != '\0')
		return -EINVAL;
	spec->l = l > FEC_L_MAX ? FEC_L_MAX + 1 : (unsigned)l;
	spec->d = d > FEC_D_MAX ? FEC_D_MAX + 1 : (unsigned)d;
	if (fec_check_matrix(spec->l, spec->d, spec->rows) == 0)
		return 0;
	snprintf(why, UDP_WHY, "fec '%.64s': there are %d to %d columns, %d to %d rows, and no "
	    "more than %d packets", text, spec->rows ? 4 : 1, FEC_L_MAX, FEC_D_MIN, FEC_D_MAX,
	    FEC_MATRIX_MAX);
	return -EINVAL;
}

static int
open_ports(struct output_fec *f, const struct fec_spec *spec, struct url *url,
    char why[static UDP_WHY])
{
	static const uint16_t above[] = { FEC_PORT_COLUMN, FEC_PORT_ROW };
	uint16_t port = url->port;
	int r = 0;

	if (port > UINT16_MAX - FEC_PORT_ROW) {
		snprintf(why, UDP_WHY, "there are no ports for FEC above %u", port);
		return -EINVAL;
	}
	for (unsigned i = 0; i < 2 && r == 0 && (i == 0 || spec->rows); i++) {
		url->port = (uint16_t)(port + above[i]);
		r = udp_open_out(&f->fd[i], url, why);
	}
	url->port = port;
	return r;
}

int
output_fec_open(struct output_fec **out, struct url *url, char why[static UDP_WHY])
{
	const char *text = url_get(url, "fec");
	struct fec_spec spec = { .size = FEC_HEADERS + PACKET_ROOM };
	struct output_fec *f;
	uint16_t seq[2];
	int r;

	*out = NULL;
	if (text == NULL)
		return 0;
	if ((r = parse(&spec, text, why)) < 0)
		return r;
	snprintf(why, UDP_WHY, "out of memory");
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return -ENOMEM;
	f->fd[0] = f->fd[1] = -1;
	if (getrandom(seq, sizeof(seq), 0) == sizeof(seq)) {
		spec.seq_column = seq[0];
		spec.seq_row = seq[1];
	}
	if ((r = fec_enc_new(&f->enc, &spec)) < 0 ||
	    (r = open_ports(f, &spec, url, why)) < 0) {
		output_fec_free(f);
		return r;
	}
	*out = f;
	return 0;
}

static void
send_due(struct output_fec *f)
{
	const uint8_t *p;
	size_t len;
	bool row;

	while ((len = fec_enc_pop(f->enc, &p, &row)) > 0) {
		/* An error of one before it says nothing of this one. */
		if (send(f->fd[row], p, len, MSG_DONTWAIT) >= 0 ||
		    (errno == ECONNREFUSED && send(f->fd[row], p, len, MSG_DONTWAIT) >= 0)) {
			f->sent++;
			f->bytes += len;
		} else {
			f->failed++;
		}
	}
}

void
output_fec_follow(struct output_fec *f, const uint8_t *p, size_t len)
{
	f->bare += fec_enc_push(f->enc, p, len) < 0;
	send_due(f);
}

void
output_fec_free(struct output_fec *f)
{
	if (f == NULL)
		return;
	if (f->enc != NULL) {
		fec_enc_flush(f->enc);
		send_due(f);
	}
	for (unsigned i = 0; i < 2; i++)
		if (f->fd[i] >= 0)
			close(f->fd[i]);
	fec_enc_free(f->enc);
	free(f);
}

void
output_fec_numbers(const struct output_fec *f, struct numbers *all)
{
	numbers_add(all, "output_fec_packets", "counter", "Datagrams of FEC sent.", f->sent);
	numbers_add(all, "output_fec_bytes", "counter", "Bytes of them.", f->bytes);
	numbers_add(all, "output_fec_failed_packets", "counter",
	    "Datagrams of FEC that could not be sent.", f->failed);
	numbers_add(all, "output_fec_bare_packets", "counter",
	    "Datagrams that were too long for FEC.", f->bare);
}
