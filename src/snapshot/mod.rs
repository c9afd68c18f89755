//! Layers materialised for a RUN and the changes read back.
