"""What each network is trained for: the paper's objectives, out of its losses and their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from animegan_tf.networks import losses
from animegan_tf.training.config import LossWeights

LOSS_NAMES = (
    "pretrain",
    "generator",
    "content",
    "gray_style",
    "color",
    "adversarial",
    "discriminator",
    "d_anime",
    "d_generated",
    "d_gray",
    "d_edge_gray",
)
"""Every loss that a step may return: the weighted totals, each followed by its terms."""

Network = Callable[..., tf.Tensor]
Objective = tuple[tf.Tensor, dict[str, tf.Tensor]]
"""(weighted total, {name: unweighted term}), float32 scalars."""


def pretrain_objective(
    vgg19: Network, photo: tf.Tensor, generated: tf.Tensor, weights: LossWeights
) -> Objective:
    """The content loss alone, which pre-trains the generator (paper Sect. 3.3)."""
    content = losses.content_loss(vgg19(photo), vgg19(generated))
    return weights.content_weight * content, {"content": content}


def discriminator_objective(
    discriminator: Network,
    batch: Mapping[str, tf.Tensor],
    generated: tf.Tensor,
    weights: LossWeights,
) -> Objective:
    """Equation 6. The four kinds of pictures pass the discriminator as one batch.

    Instance normalization keeps the pictures of a batch apart, so this equals four passes; and
    u moves once, as in one session run of the authors' code.
    """
    pictures = tf.concat([batch["anime"], generated, batch["gray"], batch["edge_gray"]], axis=0)
    logits = tf.split(discriminator(pictures, training=True), 4)
    terms = losses.discriminator_losses(*logits)
    total = weights.discriminator_adversarial_weight * (
        terms["d_anime"]
        + weights.generated_weight * terms["d_generated"]
        + weights.gray_adversarial_weight * terms["d_gray"]
        + weights.edge_adversarial_weight * terms["d_edge_gray"]
    )
    return total, terms


def generator_objective(
    discriminator: Network,
    vgg19: Network,
    batch: Mapping[str, tf.Tensor],
    generated: tf.Tensor,
    weights: LossWeights,
    training: bool = True,
) -> Objective:
    """Equation 5. With `training`, u moves once more, as in the authors' generator run."""
    # The photo and the gray picture need no gradient, so they share a pass of their own.
    targets = vgg19(tf.concat([batch["photo"], batch["gray"]], axis=0))
    photo_features, gray_features = tf.split(targets, 2)
    generated_features = vgg19(generated)
    terms = {
        "content": losses.content_loss(photo_features, generated_features),
        "gray_style": losses.gray_style_loss(gray_features, generated_features),
        "color": losses.color_loss(batch["photo"], generated),
        "adversarial": losses.generator_adversarial_loss(
            discriminator(generated, training=training)
        ),
    }
    total = (
        weights.content_weight * terms["content"]
        + weights.gray_style_weight * terms["gray_style"]
        + weights.color_weight * terms["color"]
        + weights.generator_adversarial_weight * terms["adversarial"]
    )
    return total, terms
