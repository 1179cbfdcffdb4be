# Caffe 1.0 of Debian 11 with OpenBLAS:  docker build -t cnnperf-caffe -f docker/caffe.Dockerfile docker
# then:  export CNNPERF_COMMAND_CAFFE="sh $PWD/docker/run cnnperf-caffe python3"
FROM debian:11-slim
# When Debian 11 has left the ordinary mirrors: --build-arg DEBIAN_MIRROR=http://archive.debian.org/debian
ARG DEBIAN_MIRROR=http://deb.debian.org/debian
# Without libopenblas0-pthread the reference BLAS computes, 14 to 27 times slower.
RUN rm -rf /etc/apt/sources.list.d/* \
    && echo "deb $DEBIAN_MIRROR bullseye main" > /etc/apt/sources.list \
    && apt-get -o Acquire::Check-Valid-Until=false update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-caffe libopenblas0-pthread \
    && rm -rf /var/lib/apt/lists/*
RUN GLOG_minloglevel=2 python3 -c "import caffe; assert 'openblas' in open('/proc/self/maps').read()"
