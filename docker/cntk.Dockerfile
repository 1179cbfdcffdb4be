# CNTK 2.7 on Python 3.6:  docker build -t cnnperf-cntk -f docker/cntk.Dockerfile docker
# then:  export CNNPERF_COMMAND_CNTK="sh $PWD/docker/run cnnperf-cntk python3"
FROM python:3.6-slim-bullseye
# When Debian 11 has left the ordinary mirrors: --build-arg DEBIAN_MIRROR=http://archive.debian.org/debian
ARG DEBIAN_MIRROR=http://deb.debian.org/debian
RUN rm -rf /etc/apt/sources.list.d/* \
    && echo "deb $DEBIAN_MIRROR bullseye main" > /etc/apt/sources.list \
    && apt-get -o Acquire::Check-Valid-Until=false update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libopenmpi3 openmpi-bin \
    && rm -rf /var/lib/apt/lists/*
# CNTK was built against OpenMPI 1; what it needs of it has other numbers today.
RUN cd /usr/lib/x86_64-linux-gnu && ln -s libmpi.so.40 libmpi.so.12 && ln -s libmpi_cxx.so.40 libmpi_cxx.so.1
RUN pip install --no-cache-dir cntk==2.7.post2 numpy==1.19.5 scipy==1.5.4
RUN python3 -c "import cntk; cntk.device.try_set_default_device(cntk.device.cpu())"
