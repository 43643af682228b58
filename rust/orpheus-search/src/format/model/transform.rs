//! What is done to vectors.

/// What is done to a vector before it comes to an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Values that go in.
    pub d_in: usize,
    /// Values that come out.
    pub d_out: usize,
    /// Whether what must be learned has been; tables are whole if so.
    pub is_trained: bool,
    /// What is done.
    pub kind: TransformKind,
}

/// Kinds of transform.
#[derive(Clone, Debug, PartialEq)]
pub enum TransformKind {
    /// `Pcam`: a linear map that was learned as principal components.
    Pca {
        /// The map; all that a query needs.
        linear: Linear,
        /// How the map was made; all that another training needs.
        training: PcaTraining,
    },
    /// `rrot`: a linear map, a random rotation.
    RandomRotation(Linear),
    /// `LTra`: a linear map, that of an OPQ for instance.
    Linear(Linear),
    /// `VNrm`: scaled so that the L2 norm is 1; a vector of norm 0 stays.
    Normalize,
    /// `VCnt`: less a mean.
    Center {
        /// `d_in` values.
        mean: Vec<f32>,
    },
    /// `RmDT`: values in another order, some left out, some zero.
    Remap {
        /// `d_out` places in the input; -1 gives zero.
        map: Vec<i32>,
    },
    /// `HRot`: a rotation by random signs and Hadamard matrices.
    Hadamard {
        /// What the signs come from.
        seed: u32,
    },
}

/// `y = A x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `[d_out][d_in]`. It can hold more rows, which count for nothing.
    pub a: Vec<f32>,
    /// `d_out` values if there is a bias. Without one it counts for nothing.
    pub b: Vec<f32>,
    /// Whether there is a bias.
    pub have_bias: bool,
}

/// What FAISS keeps of the making of a PCA.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaTraining {
    /// Power of the eigenvalues by which components are scaled.
    pub eigen_power: f32,
    /// Added to them.
    pub epsilon: f32,
    /// Whether a random rotation follows.
    pub random_rotation: bool,
    /// Whether components are dealt out to bins of equal variance, and how many.
    pub balanced_bins: i32,
    /// Mean of what was learned from.
    pub mean: Vec<f32>,
    /// Of all components, also of those left out.
    pub eigenvalues: Vec<f32>,
    /// All components.
    pub matrix: Vec<f32>,
}
