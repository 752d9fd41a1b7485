#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "package/pack.h"
#include "package/ttx.h"

#define FAR		(10 * CLK_90K)	/* such a clock is not the one of the pictures */

/* ---- which there are */

void
ttx_note(struct pres *p, const struct tsdemux_stream *s)
{
	struct text_pages *told = &p->told_pages;
	struct teletext_page page;

	if (told->pid == 0)
		told->pid = s->pid;
	for (unsigned i = 0; teletext_page(s->desc, s->desc_len, i, &page); i++) {
		unsigned at = 0;

		while (at < told->n && told->page[at].number != page.page)
			at++;
		if (at == TEXT_PAGES)
			return;
		told->n += at == told->n;
		told->page[at] = (struct text_page){
			.number = page.page, .pid = s->pid,
			.impaired = page.type == TELETEXT_HEARING_IMPAIRED,
		};
		if (strspn(page.language, "abcdefghijklmnopqrstuvwxyz") == 3)
			memcpy(told->page[at].language, page.language, 4);
	}
}

static const struct text_page *
find(const struct text_pages *list, unsigned number)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->page[i].number == number)
			return &list->page[i];
	return NULL;
}

/* Asked for by its language? */
static bool
is_asked(const struct pres *p, const struct text_page *told)
{
	for (unsigned i = 0; i < p->asked_pages.n; i++)
		if (p->asked_pages.page[i].number == 0 &&
		    strcmp(p->asked_pages.page[i].language, told->language) == 0)
			return true;
	return p->all_subtitles;
}

bool
ttx_wanted(const struct pres *p, unsigned i, unsigned *number, uint16_t *pid)
{
	const struct text_pages *asked = &p->asked_pages, *told = &p->told_pages;

	for (unsigned k = 0; k < asked->n; k++) {
		const struct text_page *page = find(told, asked->page[k].number);

		if (asked->page[k].number == 0 || i-- > 0)
			continue;
		*number = asked->page[k].number;
		*pid = page != NULL ? page->pid : told->pid;
		return true;
	}
	for (unsigned k = 0; k < told->n; k++) {
		if (find(asked, told->page[k].number) != NULL ||
		    !is_asked(p, &told->page[k]) || i-- > 0)
			continue;
		*number = told->page[k].number;
		*pid = told->page[k].pid;
		return true;
	}
	return false;
}

static bool
is_told(const struct text_pages *told, const char *language)
{
	for (unsigned i = 0; i < told->n; i++)
		if (strcmp(told->page[i].language, language) == 0)
			return true;
	return false;
}

void
ttx_missing(const struct pres *p)
{
	const struct text_pages *asked = &p->asked_pages, *told = &p->told_pages;
	char list[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < told->n; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s page %u '%s'",
		    i > 0 ? "," : "", told->page[i].number, told->page[i].language);
	for (unsigned i = 0; i < asked->n; i++) {
		const struct text_page *page = &asked->page[i];

		if (page->number != 0 && told->pid == 0)
			log_warn(0, "no teletext for page %u yet", page->number);
		else if (page->number == 0 && !is_told(told, page->language))
			log_warn(0, "no teletext subtitles in '%s' yet: there is%s",
			    page->language, told->n > 0 ? list : told->pid != 0 ?
			    " teletext that says none" : " no teletext");
	}
}

/* ---- what they show */

void
ttx_init(struct ttx *x, unsigned number)
{
	x->number = number;
	x->begun = false;
	x->n = 0;
	teletext_init(&x->page, number);
}

void
ttx_drop(struct ttx *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(x->shown[i].screen);
	x->n -= n;
	memmove(x->shown, x->shown + n, x->n * sizeof(*x->shown));
}

void
ttx_free(struct ttx *x)
{
	ttx_drop(x, x->n);
}

/* When it is shown: by its own time if that is one of the clock of the pictures. */
static bool
when(const struct pack *p, int64_t *pts)
{
	const struct bases *b = &p->cutter.bases;

	if (b->near == PES_NO_TIME)
		return *pts != PES_NO_TIME;
	if (*pts != PES_NO_TIME && llabs(*pts - b->near) > PES_WRAP / 2)
		*pts -= rescale_near(*pts - b->near, 1, PES_WRAP) * PES_WRAP;
	if (*pts == PES_NO_TIME || llabs(*pts - b->near) > FAR)
		*pts = b->near;
	return true;
}

static struct cc_screen *
copy(const struct cc_screen *s)
{
	size_t len = offsetof(struct cc_screen, block) + s->n * sizeof(s->block[0]);
	struct cc_screen *c = malloc(len);

	if (c != NULL)
		memcpy(c, s, len);
	return c;
}

int
ttx_unit(struct pack *p, struct ttx *x, const struct tsdemux_event *ev, int64_t made)
{
	enum teletext_seen seen = teletext_put(&x->page, ev->data, ev->len);
	struct ttx_shown *last = x->n > 0 ? &x->shown[x->n - 1] : NULL;
	uint32_t base = p->cutter.bases.newest;
	struct cc_screen now, *own;
	int64_t pts = ev->pts, t;

	if (seen == TELETEXT_NOTHING || !when(p, &pts))
		return 0;
	teletext_screen(&x->page, &now);
	if ((own = copy(&now)) == NULL)
		return -ENOMEM;
	if (seen == TELETEXT_MORE && x->begun && last != NULL && last->base == base &&
	    (!cutter_time(&p->cutter, base, last->pts, &t) || t >= made)) {
		free(last->screen);
		last->screen = own;
		return 0;
	}
	x->begun = seen == TELETEXT_BEGUN;
	if (last != NULL && last->base == base && pts < last->pts)
		pts = last->pts;
	if (x->n == TTX_SCREENS)
		ttx_drop(x, TTX_SCREENS / 4);
	x->shown[x->n++] = (struct ttx_shown){ pts, base, own };
	return 0;
}
