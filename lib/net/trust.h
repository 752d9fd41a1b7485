/*
 * trust.h - whose certificates an HTTPS client of libcurl believes.
 *
 * Shape    Those that the system trusts, or in their place what the environment
 *          names: SSL_CERT_FILE a file of them, SSL_CERT_DIR a folder.
 */
#ifndef TRUST_H
#define TRUST_H

#include <stdlib.h>

#include <curl/curl.h>

static inline void
trust_set(CURL *easy)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

	if (file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, file);
	if (dir != NULL)
		curl_easy_setopt(easy, CURLOPT_CAPATH, dir);
}

#endif
