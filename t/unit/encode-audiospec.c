/* What --audio takes: the old forms, selections, mixes in numbers. */
#include <string.h>

#include "t/tap.h"
#include "encode/audiospec.c"

static struct audio_spec a;
static char error[AUDIOSPEC_ERROR];

static bool
good(const char *text)
{
	return audiospec_parse(&a, text, error);
}

static bool
near(double x, double want)
{
	return fabs(x - want) < 1e-4;
}

int
main(void)
{
	ok(good("128k") && a.codec == CODEC_AAC && a.rate == 128000 && a.per_pair && !a.selects,
	    "a rate is that of stereo, for all tracks");
	ok(good("copy") && a.mode == AUDIO_COPY && good("none") && a.mode == AUDIO_NONE, "words");
	ok(good("aac@96k,lang=ENG/deu/*") && a.selects && a.nlang == 3 && !a.per_pair &&
	    strcmp(a.lang[0], "eng") == 0 && a.lang[2][0] == '*' && a.label[0] == '\0',
	    "languages to look for");
	ok(good("pid=0x101,lang=fra,copy") && a.pid == 0x101 && strcmp(a.label, "fra") == 0,
	    "a language to say");
	ok(good("mix=FL+0.5*FC|-6dB*2+-.25*16") && a.rows == 2 && a.nterm == 4 &&
	    a.layout == AV_CH_LAYOUT_STEREO && a.term[1].speaker == AV_CH_FRONT_CENTER &&
	    near(a.term[1].factor, 0.5) && a.term[2].number == 1 && a.term[2].row == 1 &&
	    near(a.term[2].factor, 0.50119) && a.term[3].number == 15 &&
	    near(a.term[3].factor, -0.25), "a mix");
	ok(good("mix=-1") && near(a.term[0].factor, -1) && a.term[0].number == 0, "turned over");
	ok(good("loudness=-23.5,peak=-2dB,gain=+3dB") && a.target == -23500 && a.peak == -2000 &&
	    a.gain == 3000, "levels");
	ok(!good("mix=65") && !good("mix=1|2|3|4|5|6|7|8|9") && !good("mix=1*") &&
	    !good("mix=") && !good("mix=0") && !good("mix=1e3*1") && !good("mix=0x1"), "no mixes");
	ok(!good("gain=nan") && !good("gain=inf") && !good("gain=-") && !good("gain=3db"),
	    "no levels");
	ok(!good("lang=") && !good("lang=en") && !good("lang=eng/") && !good("lang=engl"),
	    "no languages");
	ok(!good("") && !good(",") && !good("aac,") && !good("aac@") && !good("@128k"), "nothing");
	ok(!good("lan\ng=eng") && strchr(error, '\n') == NULL, "'%s' is one line", error);
	return done_testing();
}
