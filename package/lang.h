/*
 * lang.h - from the language codes of a transport stream to those of playlists.
 *
 * Spec     ISO 639-2 (B and T codes) to RFC 5646, which wants the two letters of
 *          ISO 639-1 where there are some.
 */
#ifndef LANG_H
#define LANG_H

/* "en" for "eng"; the code itself when there is no shorter one; "und" for "". */
const char *lang_tag(const char *iso639_2);

/* "English" for "eng"; the code itself when it is not one of the common ones. */
const char *lang_name(const char *iso639_2);

#endif
