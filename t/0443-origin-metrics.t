#!/bin/sh
# mstore-serve: numbers for each container and group of objects.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2154
. "$top/t/origin.sh"
. "$top/t/containers.sh"

n () {		# NAME [GROUP]
	metric "mstore_container_$1{container=\"one\"${2:+,object_group=\"$2\"}}"
}
is () {		# NUMBER NAME [GROUP]
	test "$(n "$2" "${3-}")" = "$1"
}

head -c 5000 /dev/urandom >seg
serve
check 'nothing without a metric policy' '
	control CreateContainer "{\"ContainerName\":\"one\"}"
	code -T seg "$url/one/a.ts" | grep 201
	curl -sf "$admin/metrics" | fails 1 grep mstore_container
'
check 'counted by container and by group, each where it belongs' '
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\",\"MetricPolicyRules\":[
		{\"ObjectGroup\":\"live/*\",\"ObjectGroupName\":\"live\"},
		{\"ObjectGroup\":\"*.ts\",\"ObjectGroupName\":\"media\"}]}}" | grep "^{}$"
	code -T seg "$url/one/live/a.ts" | grep 201
	code -T seg "$url/one/b.ts" | grep 201
	code -T seg "$url/one/c.txt" | grep 201
	code -T seg "$url/c.ts" | grep 201
	code "$url/one/live/a.ts" | grep 200
	code "$url/one/live/none" | grep 404
	eventually is 5 request_count
	is 3 request_count live
	is 3 request_count media
	is 15000 bytes_uploaded
	is 5000 bytes_uploaded live
	is 10000 bytes_uploaded media
	is 1 4xx_error_count
	is 1 4xx_error_count live
	is 0 4xx_error_count media
	is 0 5xx_error_count
	is 0 throttle_count
	test "$(n bytes_downloaded media)" -gt 5000
	n total_time_seconds | grep "^0\.0*[1-9]"
	n turnaround_time_seconds live | grep "^0\.0*[1-9]"
'
check 'an answer over the limits counts as 5xx' '
	control PutLimitPolicy "{\"ContainerName\":\"one\",\"LimitPolicy\":{\"MaxObjects\":1}}"
	code -T seg "$url/one/d.ts" | grep 507
	eventually is 1 5xx_error_count
'
check 'other policies, and other groups, do not set the rest back' '
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\",\"MetricPolicyRules\":[
		{\"ObjectGroup\":\"*.txt\",\"ObjectGroupName\":\"text\"},
		{\"ObjectGroup\":\"*.ts\",\"ObjectGroupName\":\"media\"}]}}" | grep "^{}$"
	is 6 request_count
	is 4 request_count media
	is 0 request_count text
	test -z "$(n request_count live)"
'
check 'groups without the container' '
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"DISABLED\",\"MetricPolicyRules\":[
		{\"ObjectGroup\":\"*.ts\",\"ObjectGroupName\":\"media\"}]}}" | grep "^{}$"
	test -z "$(n request_count)"
	is 4 request_count media
'
check 'not more than five groups, of good names' '
	g="{\"ObjectGroup\":\"*\",\"ObjectGroupName\":\"g"
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\",\"MetricPolicyRules\":[${g}1\"},${g}2\"},
		${g}3\"},${g}4\"},${g}5\"},${g}6\"}]}}" | grep ValidationException
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\",\"MetricPolicyRules\":[${g}1\"},${g}1\"}]}}" |
		grep ValidationException
	control PutMetricPolicy "{\"ContainerName\":\"one\",\"MetricPolicy\":{
		\"ContainerLevelMetrics\":\"ENABLED\",\"MetricPolicyRules\":[${g} \\\\\\\" 1\"}]}}" |
		grep ValidationException
'
stop_serving
done_testing
